from __future__ import annotations

import numpy as np
import pytest

from pycaffelite.kernels import mvn as kernels


@pytest.mark.parametrize("divides", [True, False])
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 2e-6), (np.float64, 1e-13)])
def test_against_numpy(dtype, tolerance, divides):
    x, dy = np.random.default_rng(4).standard_normal((2, 3, 17)).astype(dtype)
    y, dx, deviations = np.full_like(x, 9), np.full_like(x, 9), np.full(3, 9, dtype)
    kernels.normalize_rows(x, y, deviations, divides, 0.25)
    center = x.astype(np.float64) - x.mean(axis=1, keepdims=True, dtype=np.float64)
    s = np.sqrt((center**2).mean(axis=1, keepdims=True)) + 0.25 if divides else np.ones((3, 1))
    np.testing.assert_allclose(y, center / s, rtol=0, atol=tolerance)
    np.testing.assert_allclose(deviations, s[:, 0], rtol=tolerance)
    kernels.normalize_rows_backward(y, deviations, dy, dx, divides)
    b = (dy * center / s).mean(axis=1, keepdims=True) if divides else 0
    truth = (dy - dy.mean(axis=1, keepdims=True) - b * center / s) / s
    np.testing.assert_allclose(dx, truth, rtol=0, atol=tolerance)
    kernels.normalize_rows(x, x, deviations, divides, 0.25)
    np.testing.assert_array_equal(x, y)
