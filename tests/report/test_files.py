from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from pycaffelite.errors import SnapshotError
from pycaffelite.report.json_text import to_json
from pycaffelite.report.npz import NpzWriter


@dataclass
class Record:
    a: float
    b: tuple[int, ...]
    c: dict[str, float]


def test_json_has_no_nan() -> None:
    text = to_json(Record(float("nan"), (1, 2), {"x": float("-inf")}))
    assert json.loads(text) == {"a": "nan", "b": [1, 2], "c": {"x": "-inf"}}


def test_npz(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    with NpzWriter(path) as file:
        file.add("data/conv1/conv1", np.arange(6.0).reshape(2, 3))
        file.add("data/conv1/param/0", np.float32([1]))
    assert file.count == 2
    with np.load(path) as found:
        assert sorted(found) == ["data/conv1/conv1", "data/conv1/param/0"]
        np.testing.assert_array_equal(found["data/conv1/conv1"], [[0, 1, 2], [3, 4, 5]])
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.npz"]


def test_a_failure_leaves_the_file_of_before(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    path.write_bytes(b"before")
    file = NpzWriter(path)
    file.add("x", np.zeros(3))
    file.__exit__(ValueError, ValueError("stop"), None)
    assert path.read_bytes() == b"before"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.npz"]


def test_a_device_is_not_replaced(tmp_path: Path) -> None:
    with pytest.raises(SnapshotError, match="not a regular file"):
        NpzWriter(tmp_path)


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SnapshotError, match="the arrays cannot be written"):
        NpzWriter(tmp_path / "none" / "a.npz")
