from __future__ import annotations

import numpy as np
import pytest

from pycaffelite.kernels import relu


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("slope", [0.0, 0.1, -0.5])
@pytest.mark.parametrize("count", [0, 1, 70])
def test_relu(dtype, slope, count):
    x, dy = np.random.default_rng(count).standard_normal((2, count)).astype(dtype)
    x[:1] = 0
    kept, y, dx, positive = x.copy(), np.full_like(x, 9), np.full_like(x, 9), np.full(count, 9, np.uint8)
    relu.forward(x, y, positive, slope)
    np.testing.assert_array_equal(x, kept)
    np.testing.assert_array_equal(y, np.where(x > 0, x, dtype(slope) * x))
    np.testing.assert_array_equal(positive, x > 0)
    relu.backward(positive, dy, dx, slope)
    np.testing.assert_array_equal(dx, np.where(x > 0, dy, dtype(slope) * dy))
    if slope >= 0:
        relu.backward(y, dy, dx, slope)  # the sign of y is that of x
        np.testing.assert_array_equal(dx, np.where(x > 0, dy, dtype(slope) * dy))
    z = np.full_like(x, 9)
    relu.rectify(x, z, slope)
    np.testing.assert_array_equal(z, y)
    if slope >= 0:
        by_sign = np.full_like(x, 9)
        relu.backward(y, dy, by_sign, slope)
        np.testing.assert_array_equal(by_sign, dx)
        again = dy.copy()
        relu.backward(y, again, again, slope)
        np.testing.assert_array_equal(again, dx)
    alone, again = np.full_like(x, 9), x.copy()
    relu.rectify(x, alone, slope)
    np.testing.assert_array_equal(alone, y)
    relu.rectify(again, again, slope)
    np.testing.assert_array_equal(again, y)
    relu.forward(x, x, positive, slope)
    np.testing.assert_array_equal(x, y)
    relu.backward(positive, dy, dy, slope)
    np.testing.assert_array_equal(dy, dx)
