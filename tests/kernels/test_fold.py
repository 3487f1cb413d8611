from __future__ import annotations

import numpy as np
import pytest

from pycaffelite.kernels import fold


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("channels", [0, 1, 5])
def test_one_layer_after_another(dtype, channels):
    mean, factors, shifts, x = np.random.default_rng(channels).standard_normal((4, channels)).astype(dtype)
    variance = np.abs(shifts) + dtype(0.5)
    scale, shift = np.full(channels, 3, dtype), np.full(channels, -2, dtype)
    y = 3 * x - 2
    tolerance = 1e-5 if dtype is np.float32 else 1e-13
    fold.fold_normalization(2 * mean, 2 * variance, np.full(1, 2, dtype), 0.25, scale, shift)
    y = (y - mean) / np.sqrt(variance + dtype(0.25))
    fold.fold_normalization(mean, variance, np.zeros(1, dtype), 0.25, scale, shift)
    y = 2 * y
    np.testing.assert_allclose(scale * x + shift, y, rtol=0, atol=tolerance)
    fold.fold_scale(factors, shifts, scale, shift)
    y = y * factors + shifts
    np.testing.assert_allclose(scale * x + shift, y, rtol=0, atol=tolerance)
    fold.fold_scale(factors, shifts[:0], scale, shift)
    np.testing.assert_allclose(scale * x + shift, y * factors, rtol=0, atol=tolerance)
