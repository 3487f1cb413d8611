"""Disks that are full, folders that cannot be written to, sources that vanish while a training runs."""

from __future__ import annotations

import errno
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pycaffelite.api import load_solver
from pycaffelite.data.database import write_database
from pycaffelite.errors import DataError, SnapshotError
from pycaffelite.schema import messages
from pycaffelite.snapshot import files, newest_snapshot
from pycaffelite.solvers import events

NET = """
name: "n"
layer {{ name: "data" type: "{type}" top: "data" top: "label" {options} }}
layer {{ name: "ip" type: "InnerProduct" bottom: "data" top: "ip"
  inner_product_param {{ num_output: 3 weight_filler {{ type: "xavier" }} }} }}
layer {{ name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "loss" }}
"""
SOLVER = """
net: "net.prototxt" base_lr: 0.01 lr_policy: "fixed" max_iter: 400 random_seed: 1 snapshot: 5 snapshot_prefix: "snap/a"
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def database(backend: str) -> Callable[[], Any]:
    """Return what makes a solver that reads a database; of numbers, since small images stay in memory."""

    def make() -> Any:
        records = []
        for index in range(20):
            datum = messages.Datum(channels=4, height=1, width=1, label=index % 3, float_data=[index, 1, 2, 3])
            records.append((f"{index:08d}".encode(), datum.SerializeToString()))
        write_database(Path("source"), backend, records)
        options = f'data_param {{ source: "source" batch_size: 4 backend: {backend.upper()} }}'
        return solver(NET.format(type="Data", options=options))

    return make


def images() -> Any:
    Path("source").mkdir()
    lines = []
    for index in range(8):
        Image.fromarray(np.full((4, 4, 3), index, np.uint8)).save(f"source/{index}.png")
        lines.append(f"source/{index}.png {index % 3}\n")
    Path("list.txt").write_text("".join(lines))
    return solver(NET.format(type="ImageData", options='image_data_param { source: "list.txt" batch_size: 3 }'))


def solver(net: str) -> Any:
    Path("net.prototxt").write_text(net)
    Path("solver.prototxt").write_text(SOLVER)
    return load_solver("solver.prototxt")


@pytest.mark.skipif(sys.platform == "win32", reason="open files cannot be removed")
@pytest.mark.parametrize("make", [database("lmdb"), database("leveldb")], ids=["LMDB", "LevelDB"])
def test_a_source_that_vanishes(make: Callable[[], Any]) -> None:
    training = make()
    training.step(6)
    shutil.rmtree("source")
    with pytest.raises(DataError) as error:
        training.step(300)
    assert "source" in str(error.value)
    found = newest_snapshot("snap/a", print)
    assert found is not None
    assert int(found.partition("_iter_")[2].partition(".")[0]) == training.iteration // 5 * 5


@pytest.mark.skipif(sys.platform == "win32", reason="open files cannot be removed")
def test_images_that_vanish() -> None:
    """Small ones are in memory by then; training goes on as if they were there."""
    whole, training = images(), load_solver("solver.prototxt")
    whole.step(20)
    training.step(6)
    shutil.rmtree("source")
    training.step(14)
    np.testing.assert_array_equal(training.net.params["ip"][0].data, whole.net.params["ip"][0].data)


def test_a_disk_that_fills_up_while_training_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    training = database("lmdb")()
    sync, calls = files.os.fsync, []

    def full_after_two_snapshots(descriptor: int) -> None:
        calls.append(descriptor)
        if len([path for path in Path("snap").iterdir() if path.name.endswith(".solverstate")]) == 2:
            raise OSError(errno.ENOSPC, "No space left on device")
        sync(descriptor)

    with monkeypatch.context() as patched:
        patched.setattr(files.os, "fsync", full_after_two_snapshots)
        with pytest.raises(SnapshotError) as error:
            training.solve()
    assert error.value.got == "No space left on device"
    assert error.value.hint.startswith("files that stood there before are unharmed")
    assert training.iteration == 15
    assert newest_snapshot("snap/a", print) == "snap/a_iter_10.solverstate"
    assert not [path for path in Path("snap").iterdir() if path.name.startswith(".")]


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="no folder that nobody can write to")
def test_a_folder_that_cannot_be_written_to_is_found_before_the_first_iteration() -> None:
    training = database("lmdb")()
    training.parameter.snapshot_prefix = "/proc/self/a"
    seen = []
    with pytest.raises(SnapshotError, match="cannot write this file") as error:
        seen.extend(training.run())
    assert not any(isinstance(event, events.IterationDone) for event in seen)
    assert error.value.where.path == "/proc/self"
