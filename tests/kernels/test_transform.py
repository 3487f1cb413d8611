from __future__ import annotations

import numpy as np
import pytest

from pycaffelite.kernels.transform import transform


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("source_dtype", [np.uint8, np.float32])
@pytest.mark.parametrize("whole_mean", [False, True])
def test_against_slices(dtype, source_dtype, whole_mean):
    random = np.random.default_rng(1)
    source = random.integers(0, 256, (4, 2, 5, 6)).astype(source_dtype)
    rows, columns = np.array([0, 1, 2, 0]), np.array([3, 0, 2, 1])
    flips = np.array([True, False, True, False])
    mean = random.normal(size=(2, 5, 6) if whole_mean else (2, 1, 1)).astype(np.float32)
    scale = np.array([0.3], dtype)
    out = np.full((4, 2, 3, 3), 9, dtype)
    transform(source, rows, columns, flips, mean, scale, out)
    centred = (source.astype(dtype) - mean.astype(dtype)) * scale[0]
    for n in range(4):
        crop = centred[n, :, rows[n] : rows[n] + 3, columns[n] : columns[n] + 3]
        np.testing.assert_array_equal(out[n], crop[:, :, ::-1] if flips[n] else crop)


@pytest.mark.parametrize("whole_mean", [False, True])
@pytest.mark.parametrize("flips", [[False, False], [True, False]])
def test_images_that_are_not_cropped(whole_mean, flips):
    random = np.random.default_rng(2)
    source = random.integers(0, 256, (2, 2, 5, 6)).astype(np.uint8)
    mean = random.normal(size=(2, 5, 6) if whole_mean else (2, 1, 1)).astype(np.float32)
    out = np.zeros((2, 2, 5, 6), np.float32)
    nowhere = np.zeros(2, np.int64)
    transform(source, nowhere, nowhere, np.array(flips), mean, np.array([0.5], np.float32), out)
    wanted = (source.astype(np.float32) - mean) * np.float32(0.5)
    for n in range(2):
        np.testing.assert_array_equal(out[n], wanted[n, :, :, ::-1] if flips[n] else wanted[n])
