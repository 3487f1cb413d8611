from __future__ import annotations

import numpy as np
import pytest

from pycaffelite.kernels import prelu


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(2, 3, 5), (4, 3, 1), (2, 1, 3), (0, 2, 2)])
def test_prelu(dtype, shape):
    x, dy = np.random.default_rng(1).standard_normal((2, *shape)).astype(dtype)
    slopes = np.arange(shape[1]).astype(dtype) - 0.5
    factors = np.where(x > 0, dtype(1), slopes[:, None])
    y, dx, dslopes = np.empty_like(x), np.empty_like(x), np.ones_like(slopes)
    prelu.forward(x, slopes, y)
    np.testing.assert_array_equal(y, factors * x)
    prelu.add_gradient(x, dy, dslopes)
    truth = 1 + np.where(x > 0, 0, x.astype(np.float64) * dy).sum((0, 2))
    np.testing.assert_allclose(dslopes, truth, rtol=1e-6 if dtype == np.float32 else 1e-14)
    prelu.backward(x, dy, slopes, dx)
    np.testing.assert_array_equal(dx, factors * dy)
    prelu.backward(x, dy, slopes, dy)
    np.testing.assert_array_equal(dy, dx)
    prelu.forward(x, slopes, x)
    np.testing.assert_array_equal(x, y)
