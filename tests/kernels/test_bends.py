from __future__ import annotations

import numpy as np
import pytest

from pycaffelite.kernels import bends


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 1e-6), (np.float64, 1e-14)])
@pytest.mark.parametrize("count", [0, 1, 67])
def test_bends(dtype, tolerance, count):
    x = np.linspace(-8, 8, count).astype(dtype)
    wide = x.astype(np.float64)
    sigmoid = 1 / (1 + np.exp(-wide))
    share = 1 / (1 + np.exp(-0.5 * wide))
    low = np.where(wide > 0, 0, 2 * np.expm1(wide))
    for bend, numbers, y_truth, slope_truth in (
        (bends.elu, (2.0,), np.maximum(wide, 0) + low, np.where(wide > 0, 1, low + 2)),
        (bends.bnll, (), np.logaddexp(0, wide), sigmoid),
        (bends.swish, (0.5,), wide * share, share + wide * 0.5 * share * (1 - share)),
    ):
        y, slopes = np.full_like(x, 9), np.full_like(x, 9)
        bend(x, *numbers, y, slopes)
        np.testing.assert_allclose(y, y_truth, rtol=tolerance, atol=tolerance)
        np.testing.assert_allclose(slopes, slope_truth, rtol=tolerance, atol=tolerance)
        again, kept = x.copy(), slopes.copy()
        bend(again, *numbers, again, slopes)
        np.testing.assert_allclose(again, y, rtol=tolerance)
        np.testing.assert_allclose(slopes, kept, rtol=tolerance)
