from __future__ import annotations

import numpy as np
import pytest

from pycaffelite.kernels import roi_pooling

# Two regions of 2 x 1 bins: image, rows of the two bins, columns of the one.
BINS = np.array([[1, 0, 2, 2, 3, 1, 4], [0, 1, 1, 0, 3, 0, 2]], np.int64)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_maxima_and_where_they_came_from(dtype):
    x = np.random.default_rng(2).permutation(2 * 3 * 3 * 4).reshape(2, 3, 3, 4).astype(dtype)
    y, places = np.empty((2, 2, 1, 3), dtype), np.empty((2, 2, 1, 3), dtype)
    roi_pooling.max_forward(np.ascontiguousarray(x.transpose(0, 2, 3, 1)), BINS, y, places)
    np.testing.assert_array_equal(y[0, 0, 0], x[1, :, :2, 1:].max((1, 2)))
    np.testing.assert_array_equal(y[0, 1, 0], x[1, :, 2, 1:].max(1))
    np.testing.assert_array_equal(y[1, 0, 0], 0)
    np.testing.assert_array_equal(y[1, 1, 0], x[0, :, :, :2].max((1, 2)))
    dy, dx = np.ones((2, 3, 2, 1), dtype), np.full_like(x, 7)
    roi_pooling.max_backward(dy, BINS, places, dx)
    assert dx.sum() == 9
    assert sorted(x[dx > 0]) == sorted([*y[0].reshape(-1), *y[1, 1].reshape(-1)])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_means_from_channels_of_their_own(dtype):
    x = np.random.default_rng(2).standard_normal((2, 6, 3, 4)).astype(dtype)
    y = np.empty((2, 3, 2, 1), dtype)
    roi_pooling.mean_forward(x, BINS, y)
    np.testing.assert_allclose(y[0, :, 0, 0], x[1, 0::2, :2, 1:].mean((1, 2)), rtol=1e-5)
    np.testing.assert_allclose(y[0, :, 1, 0], x[1, 1::2, 2, 1:].mean(1), rtol=1e-5)
    np.testing.assert_array_equal(y[1, :, 0, 0], 0)
    np.testing.assert_allclose(y[1, :, 1, 0], x[0, 1::2, :, :2].mean((1, 2)), rtol=1e-5)
    dx = np.full_like(x, 7)
    roi_pooling.mean_backward(np.ones_like(y), BINS, dx)
    expected = np.zeros_like(x)
    expected[1, 0::2, :2, 1:] = 1 / 6
    expected[1, 1::2, 2, 1:] = 1 / 3
    expected[0, 1::2, :, :2] = 1 / 6
    np.testing.assert_allclose(dx, expected, rtol=1e-6)


def test_of_equal_numbers_the_first_and_nan_above_all():
    x, places = np.zeros((1, 2, 2, 1)), np.empty((1, 1, 1, 1))
    y = np.empty((1, 1, 1, 1))
    whole = np.array([[0, 0, 2, 0, 2]], np.int64)
    roi_pooling.max_forward(x, whole, y, places)
    assert places.view(np.int64).item() == 0
    x[0, 1, 0, 0] = np.nan
    roi_pooling.max_forward(x, whole, y, places)
    assert np.isnan(y.item())
