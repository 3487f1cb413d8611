from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result

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
    wild = ("train", "nets/tiny.prototxt", "--set", "base_lr=1e30", "--set", "weight_decay=1e9")
    result = run(*wild, "--on-nan", "warn")
    assert result.exit_code == 0
    assert result.stderr.count("note: DIVERGED at iteration ") == 1
    assert "DIVERGED" not in run(*wild, "--on-nan", "ignore").stderr


def test_a_divergence_ends_training_with_the_last_good_state(run: Run) -> None:
    text = Path("nets/tiny.prototxt").read_text()
    Path("nets/tiny.prototxt").write_text(text.replace("0.00390625", "1e30"))
    result = run("train", "nets/tiny.prototxt")
    assert result.exit_code == 1
    assert "error: nets/tiny.prototxt:" in result.stderr
    assert "training diverged at iteration 1: the loss is nan" in result.stderr
    assert "the values of `data` are out of the usual range" in result.stderr
    assert "the last good state is in out/tiny_iter_1.solverstate" in result.stderr
    Path("nets/tiny.prototxt").write_text(text)
    again = run("train", "nets/tiny.prototxt", "--resume", "auto")
    assert again.exit_code == 0, again.stderr


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
    assert "out/tiny_iter_1.caffemodel: copied: nothing" in result.stderr
    assert "out/tiny_iter_1.caffemodel: not in the net, and ignored: ip" in result.stderr
    assert "out/tiny_iter_1.caffemodel: not in the file, and left as they were: other" in result.stderr


def test_weights_of_another_shape_are_skipped_where_that_is_wanted(run: Run) -> None:
    run("train", "nets/tiny.prototxt", "--iterations", "1")
    wider = Path("nets/tiny.prototxt").read_text().replace("num_output: 2", "num_output: 3")
    Path("nets/tiny.prototxt").write_text(wider)
    start = ("train", "nets/tiny.prototxt", "--iterations", "1", "--weights", "out/tiny_iter_1.caffemodel")
    refused = run(*start)
    assert refused.exit_code == 1
    assert "expected: shape 3x4, as the net has it\n  got:      shape 2x4 in the file" in refused.stderr
    assert "nets/tiny.prototxt:" in refused.stderr
    assert "`--skip-mismatch`" in refused.stderr
    skipped = run(*start, "--skip-mismatch")
    assert skipped.exit_code == 0, skipped.stderr
    assert "out/tiny_iter_1.caffemodel: of other shapes, and skipped: ip" in skipped.stderr


def test_several_weights_files(run: Run) -> None:
    net = Path("nets/tiny.prototxt").read_text()
    more = 'layer { name: "%s" type: "InnerProduct" bottom: "data" top: "%s" inner_product_param { num_output: 1 } }'
    for name in ("a", "b"):
        Path("nets/tiny.prototxt").write_text(net + more % (name, name))
        run("train", "nets/tiny.prototxt", "--iterations", "1", "--set", f"snapshot_prefix=out/{name}")
    Path("nets/tiny.prototxt").write_text(net.replace('"ip"', '"top"') + more % ("a", "a") + more % ("b", "b"))
    files = "out/a_iter_1.caffemodel,out/b_iter_1.caffemodel"
    result = run("train", "nets/tiny.prototxt", "--iterations", "1", "--weights", files)
    told = [line for line in result.stderr.splitlines() if line.startswith(("note: out/", "note: in none"))]
    assert told == [
        "note: out/a_iter_1.caffemodel: copied: a",
        "note: out/a_iter_1.caffemodel: not in the net, and ignored: ip",
        "note: out/b_iter_1.caffemodel: copied: b",
        "note: out/b_iter_1.caffemodel: not in the net, and ignored: ip",
        "note: in none of the files, and left as they were: top",
    ]


def test_the_solvers_own_weights_count_where_none_are_typed(run: Run) -> None:
    run("train", "nets/tiny.prototxt", "--iterations", "1")
    own = ("train", "nets/tiny.prototxt", "--iterations", "2", "--set", "weights=none.caffemodel")
    assert "error: none.caffemodel: no such file" in run(*own).stderr
    assert run(*own, "--weights", "out/tiny_iter_1.caffemodel").exit_code == 0
    assert run(*own, "--snapshot", "out/tiny_iter_1.solverstate").exit_code == 0


def test_what_looks_wrong_is_told_before_the_first_iteration(run: Run) -> None:
    text = Path("nets/tiny.prototxt").read_text().replace("num_output: 2", "num_output: 1")
    Path("nets/tiny.prototxt").write_text(text)
    result = run("train", "nets/tiny.prototxt")
    assert "label 1 is out of range, for 1 classes labels are 0 to 0" in result.stderr


def test_a_solver_for_a_graphics_card_says_that_it_runs_without(run: Run) -> None:
    assert "GPU" not in run("train", "nets/tiny.prototxt", "--iterations", "1").stderr
    path = Path("solvers/tiny_solver.prototxt")
    path.write_text(path.read_text() + "solver_mode: GPU\n")
    result = run("train", "nets/tiny.prototxt", "--iterations", "1")
    assert result.exit_code == 0
    assert "note: solvers/tiny_solver.prototxt:11:1: solver_mode: GPU, computed on the CPU here" in result.stderr


def test_the_best_weights_are_kept_and_told(run: Run) -> None:
    best = ("--set", "keep_best=accuracy", "--iterations", "5")
    result = run("train", "nets/tiny.prototxt", *best, "--json")
    report = json.loads(result.stdout)["best"]
    assert (report["name"], report["weights_path"]) == ("accuracy", "out/tiny_best.caffemodel")
    assert Path("out/tiny_best.caffemodel").is_file()
    shown = run("train", "nets/tiny.prototxt", *best).stdout
    assert f"best         accuracy {report['value']:.5g} after {report['iteration']} iterations" in shown
    refused = run("train", "nets/tiny.prototxt", "--set", "keep_best=accurracy")
    assert "error: --set keep_best=accurracy: no test tells `accurracy`" in refused.stderr
    assert "hint: did you mean `accuracy`?" in refused.stderr


def test_the_last_test_counts_for_the_best_too(run: Run) -> None:
    result = run("train", "nets/tiny.prototxt", "--set", "keep_best=loss", "--iterations", "5", "--json")
    assert json.loads(result.stdout)["best"]["iteration"] == 5  # a test that `test_interval` does not ask for


def test_patience_ends_a_training(run: Run) -> None:
    settings = ("keep_best=loss", "keep_best_mode=max", "patience=1", "test_interval=2")
    result = run("train", "nets/tiny.prototxt", *[word for text in settings for word in ("--set", text)])
    assert result.exit_code == 0, result.stderr
    assert "Optimization stopped early." in result.stderr
    assert "iterations   2 in " in result.stdout
    assert ", out of patience" in result.stdout


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
        (["--weights", ""], "no file is named"),
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
        (["--snapshot", "."], "error: .: a folder, where a file is needed"),
        (["--weights", "."], "error: .: this is a folder"),
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


def test_a_damaged_snapshot_is_passed_over(run: Run) -> None:
    run("train", "nets/tiny.prototxt", "--set", "snapshot=2")
    expected = weights("out/tiny_iter_6.caffemodel")
    path = Path("out/tiny_iter_6.caffemodel")
    path.write_bytes(expected[:-4] + b"\0\0\0\1")
    result = run("train", "nets/tiny.prototxt", "--resume", "auto")
    assert result.exit_code == 0, result.stderr
    assert "passing over tiny_iter_6.solverstate to the one before" in result.stderr
    assert "Resuming from out/tiny_iter_4.solverstate" in result.stderr
    assert weights("out/tiny_iter_6.caffemodel") == expected
