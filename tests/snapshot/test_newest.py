from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from pycaffelite.errors import SnapshotError
from pycaffelite.schema import messages
from pycaffelite.snapshot import newest_snapshot, resume
from pycaffelite.snapshot.files import remove_leftovers, sha256_of


def net(name: str) -> bytes:
    message = messages.NetParameter(name=name)
    message.layer.add(name="ip", type="InnerProduct").blobs.add(data=[1.0]).shape.dim.append(1)
    return bytes(message.SerializeToString())


def bare(folder: Path, iteration: int, prefix: str = "a") -> Path:
    """Write a snapshot as Caffe does."""
    weights = folder / f"{prefix}_iter_{iteration}.caffemodel"
    weights.write_bytes(net("n"))
    state = messages.SolverState(iter=iteration, learned_net=str(weights))
    path = folder / f"{prefix}_iter_{iteration}.solverstate"
    path.write_bytes(state.SerializeToString())
    return path


def sealed(folder: Path, iteration: int) -> Path:
    """Write a snapshot with a side file."""
    path = bare(folder, iteration)
    files = [path, path.with_suffix(".caffemodel")]
    digests = {file.name: sha256_of(file) for file in files}
    resume.side_path(path).write_bytes(resume.encode({"sha256": digests, "seed": 1}))
    return path


def newest(folder: Path) -> tuple[str | None, list[str]]:
    said: list[str] = []
    return newest_snapshot(str(folder / "a"), said.append), said


def test_the_most_iterations_count(tmp_path: Path) -> None:
    for iteration in (9, 2, 10):
        bare(tmp_path, iteration)
    bare(tmp_path, 99, "b")
    (tmp_path / ".a_iter_50.solverstate.12.partial").write_bytes(b"half")
    assert newest(tmp_path) == (str(tmp_path / "a_iter_10.solverstate"), [])


def test_none(tmp_path: Path) -> None:
    assert newest(tmp_path) == (None, [])
    assert newest(tmp_path / "none") == (None, [])


@pytest.mark.parametrize("suffix", [".caffemodel", ".solverstate", ".resume.json"])
@pytest.mark.parametrize("how", ["flipped", "cut", "emptied"])
def test_damage_to_any_file_is_seen(tmp_path: Path, suffix: str, how: str) -> None:
    before = sealed(tmp_path, 10)
    path = sealed(tmp_path, 20).with_suffix(suffix)
    content = path.read_bytes()
    middle = len(content) // 2
    flipped = content[:middle] + bytes([content[middle] ^ 4]) + content[middle + 1 :]
    path.write_bytes(
        {"flipped": flipped, "cut": content[:-1] if suffix != ".resume.json" else content[:-9]}.get(how, b"")
    )
    found, said = newest(tmp_path)
    assert found == str(before)
    assert len(said) == 1
    assert said[0].startswith(str(path))
    assert said[0].endswith("passing over a_iter_20.solverstate to the one before")


def test_missing_weights_are_seen(tmp_path: Path) -> None:
    before = sealed(tmp_path, 10)
    sealed(tmp_path, 20).with_suffix(".caffemodel").unlink()
    found, said = newest(tmp_path)
    assert found == str(before)
    assert "a file of the snapshot is missing" in said[0]


@pytest.mark.parametrize("write", [bare, sealed])
def test_newer_weights_without_their_state_are_told(tmp_path: Path, write: Callable[[Path, int], Path]) -> None:
    before = write(tmp_path, 10)
    for iteration in (20, 30):
        write(tmp_path, iteration).unlink()
    assert newest(tmp_path) == (
        str(before),
        [
            f"{tmp_path / 'a_iter_30.caffemodel'}: a_iter_30.solverstate is missing beside these weights; "
            "passing over them to a_iter_10.solverstate"
        ],
    )


def test_older_weights_without_their_state_are_not(tmp_path: Path) -> None:
    bare(tmp_path, 10).unlink()
    path = bare(tmp_path, 20)
    assert newest(tmp_path) == (str(path), [])


def test_weights_alone_are_told(tmp_path: Path) -> None:
    bare(tmp_path, 10).unlink()
    (tmp_path / "a_iter_20.caffemodel.h5").touch()
    path, said = newest(tmp_path)
    assert path is None
    assert said == [
        f"{tmp_path / 'a_iter_20.caffemodel.h5'}: a_iter_20.solverstate.h5 is missing beside these weights; "
        "`--weights` starts from them"
    ]


def test_weights_of_another_generation_are_seen(tmp_path: Path) -> None:
    before, path = sealed(tmp_path, 10), sealed(tmp_path, 20)
    path.with_suffix(".caffemodel").write_bytes(net("new"))
    assert newest(tmp_path)[0] == str(before)


def test_a_side_file_of_another_snapshot_is_seen(tmp_path: Path) -> None:
    first, second = sealed(tmp_path, 4), sealed(tmp_path, 6)
    resume.side_path(second).write_bytes(resume.side_path(first).read_bytes())
    path, said = newest(tmp_path)
    assert path == str(first)
    assert len(said) == 1
    assert said[0].startswith(f"{second}: this file is not what the snapshot wrote")


def test_bare_files_are_read_as_far_as_their_form_tells(tmp_path: Path) -> None:
    before = bare(tmp_path, 10)
    bare(tmp_path, 20).write_bytes(b"\xff\xff")
    bare(tmp_path, 30).with_suffix(".caffemodel").write_bytes(b"\xff\xff")
    bare(tmp_path, 40).write_bytes(b"")
    (tmp_path / "a_iter_50.solverstate.h5").write_bytes(b"\x89HDF\r\n\x1a\nno more")
    found, said = newest(tmp_path)
    assert found == str(before)
    assert len(said) == 4


def test_a_bare_hdf5_snapshot(tmp_path: Path) -> None:
    path = tmp_path / "a_iter_7.solverstate.h5"
    with h5py.File(path, "w") as file:
        file["iter"] = np.array([7], np.int32)
    assert newest(tmp_path)[0] == str(path)


def test_only_damaged_ones(tmp_path: Path) -> None:
    sealed(tmp_path, 10).write_bytes(b"")
    with pytest.raises(SnapshotError) as error:
        newest(tmp_path)
    assert error.value.what == "no snapshot is whole"
    assert error.value.got == "1 damaged"


def test_a_side_file_of_the_first_format_is_read(tmp_path: Path) -> None:
    path = sealed(tmp_path, 10)
    side = json.loads(resume.side_path(path).read_text())
    del side["digest"]
    resume.side_path(path).write_text(json.dumps({**side, "format": 1}))
    assert newest(tmp_path) == (str(path), [])
    resume.side_path(path).write_text(json.dumps(side))  # the second has a digest
    with pytest.raises(SnapshotError, match="no snapshot is whole"):
        newest(tmp_path)


def test_old_leftovers_are_removed(tmp_path: Path) -> None:
    names = (".a_iter_5.caffemodel.7.partial", ".a_best.caffemodel.7.partial", ".b_iter_5.caffemodel.7.partial")
    for name in names:
        (tmp_path / name).touch()
    remove_leftovers(str(tmp_path / "a"))
    assert len(list(tmp_path.iterdir())) == 3  # they may be another training's work
    for name in names:
        os.utime(tmp_path / name, (1, 1))
    remove_leftovers(str(tmp_path / "a"))
    assert [path.name for path in tmp_path.iterdir()] == [names[2]]
    remove_leftovers(str(tmp_path / "none" / "a"))
