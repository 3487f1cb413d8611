from __future__ import annotations

import numpy as np
import pytest

from pycaffelite.kernels import tanh


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 2e-7), (np.float64, 1e-15)])
@pytest.mark.parametrize("count", [0, 1, 67])
def test_tanh(dtype, tolerance, count):
    x = np.linspace(-30, 31, count).astype(dtype)
    dy = np.random.default_rng(1).standard_normal(count).astype(dtype)
    kept, y, dx = x.copy(), np.full_like(x, 9), np.full_like(x, 9)
    tanh.forward(x, y)
    np.testing.assert_array_equal(x, kept)
    np.testing.assert_allclose(y, np.tanh(x.astype(np.float64)), rtol=0, atol=tolerance)
    tanh.backward(y, dy, dx)
    np.testing.assert_allclose(dx, dy * (1 - y * y), rtol=0, atol=tolerance)
    tanh.forward(x, x)
    np.testing.assert_array_equal(x, y)
    tanh.backward(y, dy, dy)
    np.testing.assert_array_equal(dy, dx)


def test_extremes_and_nan():
    x = np.array([-np.inf, -1e9, 0.0, 1e9, np.inf, np.nan])
    y = np.empty_like(x)
    tanh.forward(x, y)
    np.testing.assert_allclose(y, [-1, -1, 0, 1, 1, np.nan], rtol=0, atol=1e-300)


def test_tiny_numbers_keep_their_digits():
    x = np.array([1e-300, -1e-20, 3e-9, -2e-4])
    y = np.empty_like(x)
    tanh.forward(x, y)
    np.testing.assert_allclose(y, np.tanh(x), rtol=1e-15)
