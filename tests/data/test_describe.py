from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pycaffelite.data.database import write_database
from pycaffelite.data.datum import make_datum
from pycaffelite.data.describe import describe, picture
from pycaffelite.errors import DataError

GOLDEN = Path(__file__).parents[1] / "golden" / "interop"


def write(path, records):
    write_database(path, "leveldb", ((b"%04d" % n, value) for n, value in enumerate(records)))
    return path


def test_database(tmp_path):
    image = np.zeros((2, 4, 3), np.uint8)
    image[:, 2:, 1] = 255
    found = describe(write(tmp_path / "db", [make_datum(image, n // 2) for n in range(5)]), first=1)
    assert (found.backend, found.records, found.kind, found.longest_run) == ("leveldb", 5, "bytes", 2)
    assert found.shapes == {"2x4x3": 5}
    assert found.labels == {0: 2, 1: 2, 2: 1}
    assert found.warnings == []
    assert [(record.key, record.label, record.shape) for record in found.first] == [("0000", 0, (2, 4, 3))]
    assert found.first[0].picture == "\n @"


def test_warnings(tmp_path):
    records = [make_datum(np.zeros((1, 2, 2), np.uint8), 3)] * 65 + [make_datum(np.zeros((1, 2, 3), np.uint8), 4)]
    found = describe(write(tmp_path / "db", records), first=0)
    assert found.warnings == [
        "65 records in a row have label 3: batches will hold few labels; shuffle before making it",
        "records have 2 different shapes: a Data layer needs crop_size for them",
    ]


def test_what_caffe_wrote():
    found = describe(GOLDEN / "feat_lmdb")
    assert (found.backend, found.records, found.kind, found.shapes) == ("lmdb", 30, "floats", {"4x4x4": 30})


def test_arrays():
    found = describe(GOLDEN / "h1.h5")
    assert (found.format, [array.name for array in found.arrays]) == ("hdf5", ["data", "label"])
    label = found.arrays[1]
    assert (label.shape, label.dtype, label.least, label.most) == ((7,), "float32", 0, 4)


def test_wide_pictures_shrink():
    lines = picture(np.zeros((3, 200, 200))).split("\n")
    assert len(lines) == 25


def test_damage_and_nothing(tmp_path):
    with pytest.raises(DataError, match="record `0001` of"):
        describe(write(tmp_path / "db", [make_datum(np.zeros((1, 2, 2), np.uint8), 3), b"\xff\xff"]))
    with pytest.raises(DataError, match="the database is empty"):
        describe(write(tmp_path / "empty", []))
