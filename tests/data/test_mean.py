from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pycaffelite.data.mean import read_mean
from pycaffelite.errors import DataError
from pycaffelite.schema import messages

GOLDEN = Path(__file__).parents[1] / "golden" / "interop"


def test_of_the_reference():
    values = np.load(GOLDEN / "color_mean_values.npz")
    mean = read_mean(GOLDEN / "color_mean.binaryproto")
    assert mean.shape == (3, 24, 20)
    np.testing.assert_array_equal(mean.reshape(-1), values[values.files[0]].reshape(-1))


def test_other_forms(tmp_path):
    blob = messages.BlobProto(double_data=[1, 2], shape=messages.BlobShape(dim=[1, 1, 2]))
    (tmp_path / "a").write_bytes(blob.SerializeToString())
    np.testing.assert_array_equal(read_mean(tmp_path / "a"), [[[1, 2]]])


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"\x2a\x10\x00\x00", "the file is damaged or cut off"),
        (b"", "the file is empty"),
        (messages.BlobProto(num=1, channels=9, height=9, width=9, data=[1]).SerializeToString(), "holds no image"),
    ],
)
def test_bad_files(tmp_path, content, what):
    (tmp_path / "a").write_bytes(content)
    with pytest.raises(DataError, match=what):
        read_mean(tmp_path / "a")


def test_missing(tmp_path):
    with pytest.raises(DataError, match="no such file"):
        read_mean(tmp_path / "a")
