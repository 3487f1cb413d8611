from __future__ import annotations

import numpy as np
import pytest

from pycaffelite.kernels import inner_distance


@pytest.mark.parametrize("absolute", [False, True])
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 1e-5), (np.float64, 1e-13)])
def test_inner_distance(absolute, dtype, tolerance):
    random = np.random.default_rng(0)
    x, points = random.standard_normal((2, 5)).astype(dtype), random.standard_normal((3, 5)).astype(dtype)
    dy = random.standard_normal((2, 3)).astype(dtype)
    y, dx, dpoints = np.full((2, 3), 9, dtype), np.full((2, 5), 9, dtype), np.ones((3, 5), dtype)
    arrays = x.reshape(-1), points.reshape(-1)
    inner_distance.distances(*arrays, y.reshape(-1), 5, absolute)
    inner_distance.toward(*arrays, dy.reshape(-1), dx.reshape(-1), 5, absolute)
    inner_distance.add_away(*arrays, dy.reshape(-1), dpoints.reshape(-1), 5, absolute)
    away = x[:, None] - points
    slope = np.sign(away) if absolute else 2 * away
    np.testing.assert_allclose(y, (abs(away) if absolute else away**2).sum(2), rtol=tolerance)
    np.testing.assert_allclose(dx, (dy[:, :, None] * slope).sum(1), rtol=0, atol=5 * tolerance)
    np.testing.assert_allclose(dpoints, 1 - (dy[:, :, None] * slope).sum(0), rtol=0, atol=5 * tolerance)
