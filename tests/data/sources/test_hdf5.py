from __future__ import annotations

import h5py
import numpy as np
import pytest

from pycaffelite.data.sources.hdf5 import read_datasets, read_list
from pycaffelite.errors import DataError


def write(path, **arrays):
    with h5py.File(path, "w") as file:
        for name, array in arrays.items():
            file[name] = array
    return path


def test_datasets(tmp_path):
    data, label = np.arange(6.0).reshape(3, 2), np.array([1, 0, 2])
    path = write(tmp_path / "a.h5", data=data, label=label)
    got = read_datasets(path, ["label", "data"])
    np.testing.assert_array_equal(got[0], label)
    np.testing.assert_array_equal(got[1], data)


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"data": np.zeros(3)}, "the HDF5 file has no dataset `label`"),
        ({"data": np.zeros(3), "label": np.zeros(2)}, "different numbers of rows"),
        ({"data": np.zeros(0), "label": np.zeros(0)}, "different numbers of rows, or none"),
        ({"data": np.zeros(3), "label": 7.0}, "dataset `label` cannot be used"),
        ({"data": np.zeros(3), "label": [b"a", b"b", b"c"]}, "dataset `label` cannot be used"),
    ],
)
def test_bad_datasets(tmp_path, arrays, said):
    path = write(tmp_path / "a.h5", **arrays)
    with pytest.raises(DataError, match=said):
        read_datasets(path, ["data", "label"])


def test_rows_that_were_never_written_take_no_memory(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("data", shape=(1 << 40, 8), chunks=(1024, 8), dtype="f4")
    with pytest.raises(DataError, match="larger than its file can be"):
        read_datasets(tmp_path / "a.h5", ["data"])


def test_truncated_and_missing_files(tmp_path):
    path = write(tmp_path / "a.h5", data=np.zeros((100, 100)))
    path.write_bytes(path.read_bytes()[:5000])
    for name in ("a.h5", "b.h5"):
        with pytest.raises(DataError, match="an HDF5 file cannot be read"):
            read_datasets(tmp_path / name, ["data"])


def test_list(tmp_path):
    path = tmp_path / "list.txt"
    path.write_text("a.h5\n\nb.h5 \n", encoding="utf-8")
    assert read_list(path) == ["a.h5", "b.h5"]
    path.write_text(" \n", encoding="utf-8")
    with pytest.raises(DataError, match="is empty"):
        read_list(path)
    path.write_bytes(b"\x89HDF\xff")
    with pytest.raises(DataError, match="cannot be read"):
        read_list(path)
