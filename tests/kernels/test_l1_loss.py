from __future__ import annotations

import numpy as np
import pytest

from pycaffelite.kernels import l1_loss


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_distance_and_direction(dtype):
    a, b = np.array([1, -2, 3, 0], dtype), np.array([2, -2, 1.5, 0.25], dtype)
    out = np.full(4, 9, dtype)
    assert l1_loss.distance(a, b) == 2.75
    l1_loss.direction(a, b, 0.5, out)
    assert out.tolist() == [-0.5, 0, 0.5, -0.5]
