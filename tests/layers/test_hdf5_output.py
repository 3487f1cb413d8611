from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from pycaffelite.errors import DataError
from pycaffelite.testing import Case, ErrorCase, LayerContract, LayerRunner, layer_text

GOLDEN = Path(__file__).parents[1] / "golden" / "interop"
FIELDS = 'hdf5_output_param { file_name: "out/x.h5" }'


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


class TestHDF5Output(LayerContract):
    type_name = "HDF5Output"
    cases = {
        "four_axes": Case(FIELDS, [(2, 3, 4, 5), (2,)], tops=0, oracle=lambda b, p: []),
        "matrix": Case(FIELDS, [(2, 3), (2, 1)], tops=0, oracle=lambda b, p: []),
    }
    errors = {
        "no_name": ErrorCase(
            bottoms=[(2,), (2,)],
            message="""
            error: an HDF5Output layer needs a file
              expected: hdf5_output_param { file_name: "out.h5" }
              got:      none
            """,
        ),
        "five_axes": ErrorCase(
            FIELDS,
            [(2, 1, 1, 1, 1), (2,)],
            message="""
            error: there are too many axes
              expected: at most four
              got:      2x1x1x1x1
            """,
        ),
        "records": ErrorCase(
            FIELDS,
            [(2, 3), (3,)],
            message="""
            error: the bottoms differ in their number of records
              expected: two bottoms with the same first axis
              got:      shapes 2x3 and 3
            """,
        ),
    }


def runner(*bottoms, dtype=np.float64):
    return LayerRunner(layer_text("HDF5Output", FIELDS, bottoms=2, tops=0), bottoms, dtype=dtype)


def test_golden():
    with np.load(GOLDEN / "hdf5_output_values.npz") as arrays:
        data, label = arrays["bottom_0"], arrays["bottom_1"]
    runner(data, label, dtype=np.float32).forward()
    with h5py.File("out/x.h5") as ours, h5py.File(GOLDEN / "hdf5_output.h5") as theirs:
        assert set(ours) == set(theirs)
        for name in theirs:
            assert ours[name].dtype == theirs[name].dtype
            np.testing.assert_array_equal(ours[name], theirs[name])


def test_each_pass_adds_its_records():
    made = runner(np.arange(6.0).reshape(3, 2), np.arange(3.0))
    for n in range(3):
        made.forward(np.arange(6.0).reshape(3, 2) + n, np.arange(3.0) * n)
    with h5py.File("out/x.h5") as file:
        assert file["data"].shape == (9, 2, 1, 1)
        assert file["label"].shape == (9, 1, 1, 1)
        assert file["label"][:, 0, 0, 0].tolist() == [0, 0, 0, 0, 1, 2, 0, 2, 4]
        assert file["data"].dtype == np.float64


def test_an_older_file_is_replaced():
    for rows in (3, 2):
        runner((rows, 2), (rows,)).forward()
    with h5py.File("out/x.h5") as file:
        assert len(file["data"]) == 2
    assert [path.name for path in Path("out").iterdir()] == ["x.h5"]


def test_rows_of_another_shape():
    made = runner((2, 3), (2,))
    made.forward()
    with pytest.raises(DataError, match="rows of `data` change their shape from pass to pass"):
        made.layer.file.add({"data": np.zeros((2, 4, 1, 1)), "label": np.zeros((2, 1, 1, 1))})


def test_a_file_that_cannot_be_written():
    Path("out").write_text("a file where the folder should be")
    with pytest.raises(DataError, match="the HDF5 file cannot be written"):
        runner((2, 3), (2,)).forward()
    assert Path("out").is_file()
