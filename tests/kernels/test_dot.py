from __future__ import annotations

import numpy as np
import pytest

from pycaffelite.kernels import dot


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 1e-5), (np.float64, 1e-13)])
def test_blocks_and_tiles(monkeypatch, dtype, tolerance):
    """Few rows take one row of tiles of W after the other, many rows one block of depth after the other."""
    monkeypatch.setattr(dot, "_X_BYTES", 1)
    monkeypatch.setattr(dot, "_DEPTH_BYTES", 1024)
    dot._plan.cache_clear()
    rng = np.random.default_rng(1)
    for rows, columns, depth in ((1, 7, 2000), (4, 9, 1100), (10, 5, 777), (13, 21, 500), (24, 29, 800)):
        x, w = rng.standard_normal((rows, depth)).astype(dtype), rng.standard_normal((columns, depth)).astype(dtype)
        c, shift = np.full((rows, columns), np.nan, dtype), rng.standard_normal(columns).astype(dtype)
        dot.dot(x, w, c, shift)
        np.testing.assert_allclose(c, x.astype(np.float64) @ w.T + shift, rtol=0, atol=tolerance * depth)
    dot._plan.cache_clear()
