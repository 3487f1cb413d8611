from __future__ import annotations

import numpy as np
import pytest

from pycaffelite.kernels import dot


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 1e-5), (np.float64, 1e-13)])
def test_rows_that_do_not_fit_the_caches(monkeypatch, dtype, tolerance):
    """They are cut twice: what stays in the second cache is worked on in blocks that stay in the first."""
    monkeypatch.setattr(dot, "_X_BYTES", 1)
    monkeypatch.setattr(dot, "_X_SPAN_BYTES", 2 * 4 * 4096)
    monkeypatch.setattr(dot, "_DEPTH_BYTES", 1024)
    dot._plan.cache_clear()
    rng = np.random.default_rng(1)
    for rows, columns, depth in ((1, 7, 5000), (4, 9, 2100), (10, 5, 777)):
        x, w = rng.standard_normal((rows, depth)).astype(dtype), rng.standard_normal((columns, depth)).astype(dtype)
        c, shift = np.full((rows, columns), np.nan, dtype), rng.standard_normal(columns).astype(dtype)
        dot.dot(x, w, c, shift)
        np.testing.assert_allclose(c, x.astype(np.float64) @ w.T + shift, rtol=0, atol=tolerance * depth)
    dot._plan.cache_clear()
