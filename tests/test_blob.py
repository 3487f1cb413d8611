from __future__ import annotations

import numpy as np
import pytest

from pycaffelite.blob import Blob, aligned_zeros


@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 3, 5, 7)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int32])
def test_aligned_zeros(shape: tuple[int, ...], dtype: type) -> None:
    array = aligned_zeros(shape, dtype)
    assert array.shape == shape
    assert array.dtype == dtype
    assert array.flags.c_contiguous
    assert array.size == 0 or array.ctypes.data % 64 == 0
    assert not array.any()


def test_a_blob_keeps_its_arrays_until_its_shape_changes() -> None:
    blob = Blob((2, 3))
    data, diff = blob.data, blob.diff
    blob.resize((2, 3))
    assert blob.data is data
    assert blob.diff is diff
    blob.resize((4, 3))
    assert blob.shape == blob.diff.shape == (4, 3)
    assert blob.count == 12


def test_blobs_may_share_arrays() -> None:
    first = Blob((2, 2), np.float64)
    second = Blob((2, 2), data=first.data)
    second.data[...] = 5
    assert first.data.sum() == 20
    assert second.dtype == np.float64
    assert second.diff is not first.diff
    assert repr(second) == "Blob(2x2, float64)"
    assert repr(Blob(())) == "Blob(scalar, float32)"


def test_flat_views_are_of_the_arrays_that_a_blob_has() -> None:
    blob = Blob((2, 3))
    for array in (np.zeros((2, 3), np.float32), np.zeros((3, 2), np.float32)):
        blob.data = blob.diff = array
        assert blob.flat_data.shape == blob.flat_diff.shape == (6,)
        blob.flat_data[5] = 1
        blob.flat_diff[0] = 2
        assert (array[-1, -1], array[0, 0]) == (1, 2)
    with pytest.raises(ValueError, match="C-contiguous"):
        blob.data = array.T
    assert blob.data is array
