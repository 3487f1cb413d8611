"""A training that is killed at any moment, also in the middle of a snapshot, and resumed ends with the same bits."""

from __future__ import annotations

import os
import random
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pycaffelite.data.database import write_database
from pycaffelite.schema import messages
from pycaffelite.snapshot import newest_snapshot

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL on Windows")

NET = """
name: "tiny"
layer { name: "data" type: "Data" top: "data" top: "label" include { phase: TRAIN }
  data_param { source: "db" batch_size: 7 backend: LMDB } transform_param { scale: 0.01 crop_size: 5 mirror: true } }
layer { name: "data" type: "Data" top: "data" top: "label" include { phase: TEST }
  data_param { source: "db" batch_size: 5 backend: LMDB } transform_param { scale: 0.01 crop_size: 5 } }
layer { name: "conv" type: "Convolution" bottom: "data" top: "conv"
  convolution_param { num_output: 4 kernel_size: 3 weight_filler { type: "xavier" } } }
layer { name: "bn" type: "BatchNorm" bottom: "conv" top: "bn" }
layer { name: "relu" type: "ReLU" bottom: "bn" top: "bn" }
layer { name: "drop" type: "Dropout" bottom: "bn" top: "bn" }
layer { name: "ip" type: "InnerProduct" bottom: "bn" top: "ip"
  inner_product_param { num_output: 3 weight_filler { type: "xavier" } } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "loss" }
"""

SOLVER = """
net: "net.prototxt" type: "Adam" base_lr: 0.01 momentum: 0.9 lr_policy: "plateau" gamma: 0.5 plateau_winsize: 30
plateau_winsize: 40 weight_decay: 0.001 average_loss: 5 max_iter: 240 random_seed: 3 snapshot: 6 display: 20
test_iter: 3 test_interval: 50 keep_best: "loss" snapshot_prefix: "snap/tiny"
"""

TRAIN = [sys.executable, "-m", "pycaffelite", "train", "solver.prototxt", "--resume", "auto"]
LAST = ("tiny_iter_240.caffemodel", "tiny_iter_240.solverstate")

Moment = Callable[[subprocess.Popen[bytes], Path, random.Random], None]


def make(folder: Path) -> Path:
    folder.mkdir()
    (folder / "net.prototxt").write_text(NET)
    (folder / "solver.prototxt").write_text(SOLVER)
    generator = np.random.default_rng(1)
    records = []
    for index in range(40):
        datum = messages.Datum(channels=1, height=7, width=7, label=int(generator.integers(3)))
        datum.data = generator.integers(0, 256, 49, np.uint8).tobytes()
        records.append((f"{index:08d}".encode(), datum.SerializeToString()))
    write_database(folder / "db", "lmdb", records)
    return folder


def start(folder: Path) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    with (folder / "log").open("ab") as log:
        return subprocess.Popen(TRAIN, cwd=folder, env=environment, stdout=log, stderr=log)


def finish(folder: Path) -> list[bytes]:
    """Train to the end; return what stands there."""
    assert start(folder).wait(120) == 0, (folder / "log").read_text()
    return [(folder / "snap" / name).read_bytes() for name in LAST]


def names(folder: Path) -> list[str]:
    return [path.name for path in (folder / "snap").iterdir()] if (folder / "snap").is_dir() else []


def until(process: subprocess.Popen[bytes], condition: Callable[[], bool]) -> None:
    while process.poll() is None and not condition():
        time.sleep(0.0002)


def some_iterations(process: subprocess.Popen[bytes], folder: Path, chance: random.Random) -> None:
    """Wait until training has come to a snapshot, and a random time more."""
    until(process, lambda: bool(names(folder)))
    time.sleep(chance.uniform(0.0, 0.4))


def half_written(process: subprocess.Popen[bytes], folder: Path, chance: random.Random) -> None:
    """Wait until a file of a snapshot is being written."""
    some_iterations(process, folder, chance)
    until(process, lambda: any(name.endswith(".partial") for name in names(folder)))


def half_renamed(process: subprocess.Popen[bytes], folder: Path, chance: random.Random) -> None:
    """Wait until the weights of a snapshot have their name and its solver state has not."""
    some_iterations(process, folder, chance)

    def seen() -> bool:
        files = set(names(folder))
        weights = {name.removesuffix(".caffemodel") for name in files if re.search(r"_iter_\d+\.caffemodel$", name)}
        return any(f"{stem}.solverstate" not in files for stem in weights)

    until(process, seen)


MISSING = "is missing beside these weights"
MOMENTS: tuple[Moment, ...] = (some_iterations, half_written, half_renamed)


def check_files(folder: Path) -> bool:
    """Check that whatever has a final name is whole; return whether the kill fell into a snapshot."""
    said: list[str] = []
    states = sorted(name for name in names(folder) if name.endswith(".solverstate"))
    for state in states:  # each of them alone, under a name of its own
        assert newest_snapshot(str(folder / "snap" / state.partition("_iter_")[0]), said.append) is not None
    assert all(MISSING in line for line in said), said  # a kill may fall between the two files of a snapshot
    for name in names(folder):
        if name.endswith(".caffemodel"):
            assert messages.NetParameter.FromString((folder / "snap" / name).read_bytes()).layer
    return any(
        name.endswith(".partial") or f"{name[:-11]}.solverstate" not in states
        for name in names(folder)
        if name.endswith((".partial", ".caffemodel")) and "best" not in name
    )


def killed_and_resumed(folder: Path, seed: int) -> bool:
    """Train, kill once or twice, resume; return whether a kill fell into a snapshot."""
    chance, within = random.Random(seed), False
    for _kill in range(chance.choice((1, 1, 2))):
        process = start(folder)
        try:
            MOMENTS[seed % len(MOMENTS)](process, folder, chance)
        finally:
            process.kill()
            process.wait()
        within |= check_files(folder)
    return within


def run(tmp_path: Path, count: int) -> tuple[int, int]:
    """Return how many of the runs ended bit-equal to the uninterrupted one, and how many were killed in a snapshot."""
    expected = finish(make(tmp_path / "whole"))
    equal = within = 0
    for seed in range(count):
        folder = make(tmp_path / f"run{seed}")
        within += killed_and_resumed(folder, seed)
        equal += finish(folder) == expected
    return equal, within


def test_three_kills(tmp_path: Path) -> None:
    equal, _within = run(tmp_path, 3)
    assert equal == 3


@pytest.mark.slow
def test_sixty_kills(tmp_path: Path) -> None:
    equal, within = run(tmp_path, 60)
    print(f"{equal} of 60 runs ended bit-equal; {within} were killed in the middle of a snapshot")
    assert equal == 60
    assert within >= 10
