from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result

from pycaffelite.cli.training import newest_snapshot

Run = Callable[..., Result]

PREFIX = re.compile(r"^[IWE]\d{4} \d\d:\d\d:\d\d\.\d{6} [ \d]{5,} \w+\.cpp:\d+\] ")


def log_texts(result: Result) -> list[str]:
    return [PREFIX.sub("", line) for line in result.stderr.splitlines() if PREFIX.match(line)]


def weights(path: str) -> bytes:
    return Path(path).read_bytes()


def test_the_log_is_caffes(run: Run) -> None:
    result = run("train", "nets/tiny.prototxt")
    assert result.exit_code == 0, result.stderr
    lines = log_texts(result)
    assert lines[0] == "Use CPU."
    number = re.compile(r"(?<=[ #(/*=])-?\d[\d.e+-]*")
    iteration = [
        "Iteration N (N iter/s, Ns/N iters), loss = N",
        "    Train net output #N: loss = N (* N = N loss)",
        "Iteration N, lr = N",
    ]
    test = [
        "Iteration N, Testing net (#N)",
        "    Test net output #N: accuracy = N",
        "    Test net output #N: loss = N (* N = N loss)",
    ]
    assert [number.sub("N", line) for line in lines[lines.index("Solving tiny") :]] == [
        *["Solving tiny", "Learning Rate Policy: fixed"],
        *[*test, *iteration, *iteration, *test, *iteration],
        "Snapshotting to binary proto file out/tiny_iter_6.caffemodel",
        "Snapshotting solver state to binary proto file out/tiny_iter_6.solverstate",
        *["Iteration N, loss = N", *test],
        *["Optimization Done."] * 2,
    ]


def test_what_it_ends_with(run: Run) -> None:
    result = run("train", "nets/tiny.prototxt")
    assert "training with solvers" in result.stderr
    lines = result.stdout.splitlines()
    assert lines[1] == "tiny: test after 6 iterations"
    assert lines[3].split() == ["head", "outputs", "accuracy", "loss", "weight"]
    assert lines[5].split()[0] == "ip"
    assert "snapshot     out/tiny_iter_6.caffemodel" in lines
    assert lines[-4:] == [
        "next:",
        "  pycaffelite test nets/tiny.prototxt --weights out/tiny_iter_6.caffemodel",
        "  pycaffelite inspect nets/tiny.prototxt --weights out/tiny_iter_6.caffemodel --backward",
        "  pycaffelite train nets/tiny.prototxt --snapshot out/tiny_iter_6.solverstate --iterations 12",
    ]


def test_the_scores_are_those_of_the_end(run: Run) -> None:
    result = run("train", "nets/tiny.prototxt", "--iterations", "4")
    assert result.stdout.splitlines()[1] == "tiny: test after 4 iterations"
    assert log_texts(result)[-4] == "Iteration 4, Testing net (#0)"


def test_the_advice_can_be_followed(run: Run) -> None:
    lines = run("train", "nets/tiny.prototxt").stdout.splitlines()
    for line in lines[lines.index("next:") + 1 :]:
        result = run(*line.split()[1:])
        assert result.exit_code == 0, result.stderr


def test_json(run: Run) -> None:
    report = json.loads(run("train", "solvers/tiny_solver.prototxt", "--json", "--iterations", "2").stdout)
    assert report["iterations"] == 2
    assert report["reason"] == "done"
    assert report["weights_path"] == "out/tiny_iter_2.caffemodel"
    assert set(report["tests"][0]["heads"][0]["accuracies"]) == {"accuracy"}


def test_the_same_seed_gives_the_same_weights(run: Run) -> None:
    found = []
    for seed in (5, 5, 6):
        run("train", "nets/tiny.prototxt", "--seed", seed)
        found.append(weights("out/tiny_iter_6.caffemodel"))
    assert found[0] == found[1] != found[2]


@pytest.mark.parametrize("how", [["--snapshot", "out/tiny_iter_3.solverstate"], ["--resume", "auto"]])
def test_a_resumed_training_ends_as_if_it_had_never_stopped(run: Run, how: list[str]) -> None:
    run("train", "nets/tiny.prototxt", "--set", "snapshot_prefix=whole/tiny")
    run("train", "nets/tiny.prototxt", "--iterations", "3")
    result = run("train", "nets/tiny.prototxt", *how)
    assert result.exit_code == 0, result.stderr
    assert "bit for bit" not in result.stderr
    assert weights("out/tiny_iter_6.caffemodel") == weights("whole/tiny_iter_6.caffemodel")


def test_resuming_where_snapshots_bear_the_name_of_the_solver(run: Run) -> None:
    nameless = ("train", "nets/tiny.prototxt", "--set", "snapshot_prefix=")
    run(*nameless, "--iterations", "3")
    result = run(*nameless, "--resume", "auto", "--weights", "none.caffemodel")
    assert result.exit_code == 0, result.stderr
    state = Path("solvers/tiny_solver_iter_3.solverstate")
    assert f"note: going on from {state}: --weights counts only for a training that starts anew" in result.stderr


def test_a_snapshot_of_the_end_leaves_nothing_to_train(run: Run) -> None:
    run("train", "nets/tiny.prototxt")
    result = run("train", "nets/tiny.prototxt", "--resume", "auto")
    assert result.exit_code == 0
    assert "note: nothing is left to train: the snapshot is of iteration 6, max_iter is 6" in result.stderr


def test_caffes_way_to_name_the_solver(run: Run) -> None:
    assert run("train", "--solver=solvers/tiny_solver.prototxt", "--iterations", "1").exit_code == 0
    assert run("train").exit_code == 2


def test_the_place_of_a_wrong_setting_is_the_command_line(run: Run) -> None:
    result = run("train", "nets/tiny.prototxt", "--set", "lr_policy=sometimes")
    assert "error: --set lr_policy=sometimes: unknown learning-rate policy" in result.stderr


def test_a_divergence_is_told_once(run: Run) -> None:
    result = run("train", "nets/tiny.prototxt", "--set", "base_lr=1e30", "--set", "weight_decay=1e9")
    assert result.exit_code == 0
    assert result.stderr.count("note: DIVERGED: the loss is ") == 1


def test_nothing_to_resume_from(run: Run) -> None:
    result = run("train", "nets/tiny.prototxt", "--resume", "auto")
    assert result.exit_code == 0
    assert "there is no snapshot to resume from: starting anew" in result.stderr


def test_starting_from_weights(run: Run) -> None:
    run("train", "nets/tiny.prototxt", "--iterations", "3")
    done = run("train", "nets/tiny.prototxt", "--weights", "out/tiny_iter_3.caffemodel", "--set", "base_lr=1e-30")
    assert done.exit_code == 0, done.stderr
    first, last = (np.frombuffer(weights(f"out/tiny_iter_{n}.caffemodel"), np.uint8) for n in (3, 6))
    assert first.size == last.size


def test_weights_that_fit_nothing_are_told(run: Run) -> None:
    run("train", "nets/tiny.prototxt", "--iterations", "1")
    text = Path("nets/tiny.prototxt").read_text().replace('name: "ip"', 'name: "other"')
    Path("nets/tiny.prototxt").write_text(text)
    result = run("train", "nets/tiny.prototxt", "--iterations", "1", "--weights", "out/tiny_iter_1.caffemodel")
    assert "out/tiny_iter_1.caffemodel: not in the net, and ignored: ip" in result.stderr
    assert "out/tiny_iter_1.caffemodel: not in the file, and left as they were: other" in result.stderr


def test_stages(run: Run) -> None:
    text = Path("nets/tiny.prototxt").read_text()
    extra = 'layer { name: "more" type: "Silence" bottom: "data" include { stage: "fancy" min_level: 2 } }'
    Path("nets/tiny.prototxt").write_text(text + extra)
    arguments = ("train", "nets/tiny.prototxt", "--iterations", "1", "--set", "debug_info=true")
    assert "data_data_0_split" not in run(*arguments).stderr
    assert "data_data_0_split" in run(*arguments, "--stage", "fancy", "--level", "2").stderr


def test_debug_info(run: Run) -> None:
    result = run("train", "nets/tiny.prototxt", "--set", "debug_info=true", "--iterations", "1")
    lines = log_texts(result)
    assert any(line.startswith("    [Forward] Layer ip, top blob ip data: ") for line in lines)
    assert any(line.startswith("    [Backward] Layer ip, param blob 0 diff: ") for line in lines)
    assert any(line.startswith("    [Update] Layer ip, param 0 data: ") for line in lines)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--snapshot", "a", "--resume", "auto"], "not both"),
        (["--snapshot", "a", "--weights", "b"], "not both"),
        (["--resume", "a.solverstate"], "--resume takes `auto`"),
        (["--set", "base_lr"], "--set takes key=value"),
        (["--sigint-effect", "explode"], "explode"),
    ],
)
def test_wrong_usage(run: Run, arguments: list[str], message: str) -> None:
    result = run("train", "nets/tiny.prototxt", *arguments)
    assert result.exit_code == 2
    assert message in result.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--set", "bas_lr=1"], "did you mean `base_lr`?"),
        (["--set", "lr_policy=sometimes"], "lr_policy"),
        (["--weights", "none.caffemodel"], "none.caffemodel"),
        (["--snapshot", "none.solverstate"], "none.solverstate"),
        (["--solver", "none.prototxt"], "none.prototxt: no such file"),
    ],
)
def test_wrong_values(run: Run, arguments: list[str], message: str) -> None:
    result = run("train", "nets/tiny.prototxt", *arguments)
    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1]
    assert "error: " in result.stderr
    assert message in result.stderr


class TestNewestSnapshot:
    def test_the_most_iterations_count(self, tmp_path: Path) -> None:
        for name in (
            "a_iter_9.solverstate",
            "a_iter_10.solverstate",
            "a_iter_2.solverstate.h5",
            "b_iter_99.solverstate",
        ):
            (tmp_path / name).touch()
        assert newest_snapshot(str(tmp_path / "a")) == str(tmp_path / "a_iter_10.solverstate")

    def test_none(self, tmp_path: Path) -> None:
        assert newest_snapshot(str(tmp_path / "a")) is None
        assert newest_snapshot(str(tmp_path / "none" / "a")) is None
