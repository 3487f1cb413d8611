from __future__ import annotations

import numpy as np
import pytest

from pycaffelite.kernels import power as kernels


@pytest.mark.parametrize("power", [1.0, 2.0, 3.0, 0.5, -1.5, 0.0])
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 1e-6), (np.float64, 1e-14)])
def test_against_numpy(dtype, tolerance, power):
    x, dy = np.array([0.5, 1.0, 2.0], dtype), np.array([1.0, -2.0, 0.5], dtype)
    y, dx = np.empty(3, dtype), np.empty(3, dtype)
    kernels.forward(x, power, 0.5, 0.25, y)
    base = 0.25 + 0.5 * x.astype(np.float64)
    np.testing.assert_allclose(y, base**power, rtol=tolerance)
    kernels.backward(x, y, dy, power, 0.5, 0.25, dx)
    np.testing.assert_allclose(dx, power * 0.5 * base ** (power - 1) * dy, rtol=10 * tolerance)
    kernels.backward(x, y, dy, power, 0.5, 0.25, dy)
    np.testing.assert_array_equal(dy, dx)
    kernels.forward(x, power, 0.5, 0.25, x)
    np.testing.assert_array_equal(x, y)
