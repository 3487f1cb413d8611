"""The program as a process: what its streams carry, what signals do, what a pipe and a terminal see."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

NET = """
name: "tiny"
layer { name: "data" type: "DummyData" top: "x" top: "y" dummy_data_param {
  shape { dim: 4 dim: 3 } shape { dim: 4 } data_filler { type: "gaussian" std: 1 } data_filler { type: "constant" } } }
layer { name: "fc" type: "InnerProduct" bottom: "x" top: "fc"
  inner_product_param { num_output: 2 weight_filler { type: "xavier" } } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "fc" bottom: "y" top: "loss" }
"""

SOLVER = """
net: "net.prototxt" base_lr: 0.01 lr_policy: "fixed" max_iter: 100000000 display: 100 random_seed: 1
snapshot_prefix: "out"
"""

posix = pytest.mark.skipif(os.name != "posix", reason="signals and terminals of POSIX systems")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "net.prototxt").write_text(NET)
    (tmp_path / "solver.prototxt").write_text(SOLVER)
    return tmp_path


def start(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent.parent), "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-m", "pycaffelite", *arguments]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=folder, env=environment, stdout=pipe, stderr=pipe, text=True)


def wait_for(process: subprocess.Popen[str], text: str) -> None:
    """Read the log up to a line with this text."""
    assert process.stderr is not None
    for line in process.stderr:
        if text in line:
            return
    raise AssertionError(f"it ended with {process.wait()}")


def stop(process: subprocess.Popen[str], *signals: int) -> tuple[int, str, str]:
    wait_for(process, "Iteration 200 ")
    for number in signals:
        process.send_signal(number)
        time.sleep(0.2)
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err


def snapshots(folder: Path) -> Sequence[str]:
    return sorted(re.sub(r"\d+", "N", path.name) for path in folder.iterdir() if path.name.startswith("out"))


WHOLE = ["out_iter_N.caffemodel", "out_iter_N.resume.json", "out_iter_N.solverstate"]


@posix
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_leaves_a_snapshot_and_a_report(folder: Path, number: int) -> None:
    status, out, err = stop(start(folder, "train", "solver.prototxt"), number)
    assert status == 0
    assert "stopping after this iteration" in err
    assert "Optimization stopped early." in err
    assert ", stopped early" in out
    assert snapshots(folder) == WHOLE


@posix
def test_a_hangup_takes_a_snapshot_and_goes_on(folder: Path) -> None:
    process = start(folder, "train", "solver.prototxt")
    wait_for(process, "Iteration 200 ")
    process.send_signal(signal.SIGHUP)
    wait_for(process, "Snapshotting solver state")
    wait_for(process, "Iteration ")
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 0
    assert len(list(folder.glob("*.solverstate"))) == 2


@posix
def test_a_second_ctrl_c_ends_at_once_and_harms_no_file(folder: Path) -> None:
    start(folder, "train", "solver.prototxt", "--iterations", "5").communicate(timeout=60)
    before = {path.name: path.read_bytes() for path in folder.glob("out*")}
    assert snapshots(folder) == WHOLE
    endless = ("--set", "iter_size=2000000000")  # an iteration in which no stop is possible
    process = start(folder, "train", "solver.prototxt", "--resume", "auto", *endless)
    wait_for(process, "Starting Optimization")
    time.sleep(0.5)
    for _ in range(2):
        process.send_signal(signal.SIGINT)
        time.sleep(0.2)
    _out, err = process.communicate(timeout=10)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert {
        path.name: path.read_bytes() for path in folder.iterdir() if path.name.startswith(("out", ".out"))
    } == before


@posix
def test_ctrl_c_may_do_nothing(folder: Path) -> None:
    arguments = ("train", "solver.prototxt", "--sigint-effect", "none", "--set", "snapshot_after_train=false")
    _status, out, err = stop(start(folder, *arguments), signal.SIGINT, signal.SIGTERM)
    assert err.count("stopping after this iteration") == 1
    assert ", stopped early" in out
    assert snapshots(folder) == WHOLE  # SIGTERM takes one even where the end of a training does not


@posix
def test_nothing_but_results_is_on_standard_output(folder: Path) -> None:
    process = start(folder, "train", "solver.prototxt", "--iterations", "3", "--json")
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0
    assert out.startswith("{")
    assert out.endswith("}\n")
    assert "\x1b" not in out + err  # no colours and no progress line in a pipe


@posix
def test_a_terminal_sees_a_progress_line(folder: Path) -> None:
    import pty  # noqa: PLC0415  (only where there are terminals)

    master, slave = pty.openpty()
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent.parent), "TERM": "xterm-256color"}
    environment.pop("NO_COLOR", None)
    command = [sys.executable, "-m", "pycaffelite", "train", "solver.prototxt", "--iterations", "300"]
    with subprocess.Popen(command, cwd=folder, env=environment, stdout=slave, stderr=slave) as process:
        os.close(slave)
        seen = b""
        while True:
            try:
                part = os.read(master, 65536)
            except OSError:  # the other end is closed
                break
            seen += part
        os.close(master)
    assert process.returncode == 0
    text = seen.decode()
    assert "/300" in text
    assert "iter/s" in text
    assert "Optimization Done." in text
