from __future__ import annotations

import numpy as np
import pytest

from pycaffelite.kernels import interp

# Rows and columns, the part that is used, the size of the result.
CASES = [
    ((3, 4), (0, 0, 3, 4), (5, 9)),
    ((6, 5), (1, 1, 4, 3), (2, 7)),
    ((1, 3), (0, 0, 1, 3), (4, 1)),
    ((4, 4), (0, 0, 4, 4), (4, 4)),
]


def hats(length, wanted):
    """Return the matrix of one direction, from the closeness of points to places."""
    points = np.linspace(0, length - 1, wanted) if wanted > 1 else np.zeros(1)
    return np.maximum(0, 1 - abs(points[:, None] - np.arange(length)))


@pytest.mark.parametrize(("source", "used", "target"), CASES)
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 1e-5), (np.float64, 1e-13)])
def test_interp(source, used, target, dtype, tolerance):
    random = np.random.default_rng(3)
    x, dy = random.standard_normal((3, *source)).astype(dtype), random.standard_normal((3, *target)).astype(dtype)
    y, dx = np.full_like(dy, 9), np.full_like(x, 9)
    tables = interp.resizing(3, source, used, target, x.dtype)
    interp.resize(x.reshape(-1), y.reshape(-1), tables)
    interp.spread_back(dy.reshape(-1), dx.reshape(-1), tables)
    rows, columns = hats(used[2], target[0]), hats(used[3], target[1])
    inside = np.s_[:, used[0] : used[0] + used[2], used[1] : used[1] + used[3]]
    np.testing.assert_allclose(y, rows @ x[inside] @ columns.T, rtol=0, atol=tolerance)
    expected = np.zeros_like(x)
    expected[inside] = rows.T @ dy @ columns
    np.testing.assert_allclose(dx, expected, rtol=0, atol=4 * tolerance)
