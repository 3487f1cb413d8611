from __future__ import annotations

import numpy as np
import pytest

from pycaffelite.kernels import euclidean_loss as kernels


@pytest.mark.parametrize("count", [0, 1, 37])
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 1e-6), (np.float64, 1e-14)])
def test_against_numpy(dtype, tolerance, count):
    a, b = np.random.default_rng(4).standard_normal((2, count)).astype(dtype)
    truth = ((a.astype(np.float64) - b) ** 2).sum()
    assert kernels.squared_distance(a, b) == pytest.approx(truth, rel=10 * tolerance)
    out = np.full(count, 9, dtype)
    kernels.scaled_difference(a, b, -0.3, out)
    np.testing.assert_allclose(out, -0.3 * (a - b), rtol=0, atol=tolerance)
