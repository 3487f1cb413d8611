from __future__ import annotations

import numpy as np
import pytest

from pycaffelite.kernels import batch_norm

SHAPES = [(2, 3, 4), (5, 2, 1), (1, 1, 3), (1, 4, 1)]
EPS = 1e-3


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 1e-5), (np.float64, 1e-13)])
def test_batch_norm(shape, dtype, tolerance):
    x, dy = np.random.default_rng(3).standard_normal((2, *shape)).astype(dtype)
    kept, y, dx = x.copy(), np.full_like(x, 9), np.full_like(x, 9)
    mean, variance = np.full((2, shape[1]), 9, dtype)
    copy = np.full_like(x, 9)
    batch_norm.normalize_batch(x, mean, variance, EPS, y, copy)
    np.testing.assert_array_equal(copy, y)
    np.testing.assert_allclose(mean, x.mean((0, 2)), rtol=0, atol=tolerance)
    np.testing.assert_allclose(variance, x.var((0, 2)), rtol=0, atol=tolerance)
    deviation = np.sqrt(variance + dtype(EPS))[:, None]
    np.testing.assert_allclose(y, (x - mean[:, None]) / deviation, rtol=tolerance, atol=tolerance)
    batch_norm.normalize_backward(y, variance, EPS, dy, dx)
    a, b = dy.mean((0, 2), keepdims=True), (dy * y).mean((0, 2), keepdims=True)
    np.testing.assert_allclose(dx, (dy - a - b * y) / deviation, rtol=tolerance, atol=40 * tolerance)
    np.testing.assert_array_equal(x, kept)
    batch_norm.normalize(x, mean, variance, EPS, copy)
    np.testing.assert_allclose(copy, y, rtol=tolerance, atol=tolerance)
    batch_norm.normalize(x, mean, variance, EPS, x)
    np.testing.assert_array_equal(x, copy)
    batch_norm.normalize_batch(kept, mean, variance, EPS, copy, kept)
    np.testing.assert_array_equal(kept, y)
    batch_norm.divide(variance, EPS, dy, x)
    np.testing.assert_allclose(x, dy / deviation, rtol=tolerance)
    batch_norm.normalize_backward(y, variance, EPS, dy, dy)
    np.testing.assert_array_equal(dy, dx)


def test_a_constant_channel_has_no_variance():
    mean, variance = np.empty((2, 1), np.float32)
    x = np.full((7, 1, 3), 0.25, np.float32)
    batch_norm.normalize_batch(x, mean, variance, EPS, np.empty_like(x), x)
    assert (x == 0).all()
    assert (mean[0], variance[0]) == (0.25, 0)
