from __future__ import annotations

import numpy as np
import pytest

from pycaffelite.kernels import rows


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 1e-6), (np.float64, 1e-14)])
def test_lengths_and_sums(dtype, tolerance):
    random = np.random.default_rng(0)
    x, vectors = random.standard_normal((3, 5)).astype(dtype), random.standard_normal((4, 5)).astype(dtype)
    out = np.full(3, 9, dtype)
    rows.lengths(x.reshape(-1), 5, out)
    np.testing.assert_allclose(out, np.linalg.norm(x, axis=1), rtol=tolerance)
    a, b = random.standard_normal((2, 3)).astype(dtype)
    chosen = np.array([2, 0, 2])
    total = np.ones(15, dtype)
    rows.add_rows(x.reshape(-1), vectors.reshape(-1), chosen, a, b, total)
    expected = 1 + a[:, None] * vectors[chosen] + b[:, None] * x
    np.testing.assert_allclose(total.reshape(3, 5), expected, rtol=0, atol=5 * tolerance)
