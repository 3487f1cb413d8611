from __future__ import annotations

import numpy as np
import pytest

from pycaffelite.kernels import reduction


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(3, 5), (1, 4), (2, 0)])
def test_reduction(dtype, shape):
    x = np.random.default_rng(1).standard_normal(shape).astype(dtype)
    y = np.empty(shape[0], dtype)
    for kernel, truth in (
        (reduction.sums, x.sum(1)),
        (reduction.absolute_sums, np.abs(x).sum(1)),
        (reduction.square_sums, (x * x).sum(1)),
    ):
        kernel(x, 0.5, y)
        np.testing.assert_allclose(y, 0.5 * truth, rtol=1e-5 if dtype == np.float32 else 1e-13)
