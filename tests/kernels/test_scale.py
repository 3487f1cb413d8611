from __future__ import annotations

import numpy as np
import pytest

from pycaffelite.kernels import scale

SHAPES = [(2, 3, 4), (5, 2, 1), (1, 1, 3), (1, 4, 1), (0, 2, 2)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 1e-5), (np.float64, 1e-13)])
def test_scale(shape, dtype, tolerance):
    x, dy = np.random.default_rng(3).standard_normal((2, *shape)).astype(dtype)
    factors, shifts = np.random.default_rng(4).standard_normal((2, shape[1])).astype(dtype)
    y = np.full_like(x, 9)
    scale.scale_channels(x, factors, y)
    np.testing.assert_allclose(y, x * factors[:, None], rtol=tolerance)
    scale.transform_channels(x, shifts, factors, shifts[::-1].copy(), y)
    expected = (x - shifts[:, None]) * factors[:, None] + shifts[::-1, None]
    np.testing.assert_allclose(y, expected, rtol=0, atol=tolerance)
    total = np.ones(shape[1], dtype)
    scale.add_products(x, dy, total)
    np.testing.assert_allclose(total, 1 + (x * dy).sum((0, 2)), rtol=0, atol=tolerance)
    total = np.ones(shape[1], dtype)
    scale.add_sums(dy, total)
    np.testing.assert_allclose(total, 1 + dy.sum((0, 2)), rtol=0, atol=tolerance)
    out = np.full_like(x, 9)
    scale.scale_channels(x, factors, out)
    scale.scale_channels(x, factors, x)
    np.testing.assert_array_equal(x, out)
