from __future__ import annotations

import numpy as np
import pytest

from pycaffelite.kernels import axpy


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 1e-6), (np.float64, 1e-15)])
def test_axpy(dtype, tolerance):
    factors, x, z = (np.random.default_rng(0).standard_normal((3, 4, 5))[i].astype(dtype) for i in range(3))
    y = np.full(20, 9, dtype)
    axpy.axpy(factors[:, 0].copy(), x.reshape(-1), z.reshape(-1), y)
    np.testing.assert_allclose(y.reshape(4, 5), factors[:, :1] * x + z, rtol=0, atol=tolerance)
