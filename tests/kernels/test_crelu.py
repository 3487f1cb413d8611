from __future__ import annotations

import numpy as np
import pytest

from pycaffelite.kernels import crelu


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_crelu(dtype):
    x = np.array([1, -2, 0, 4], dtype)
    y, dx = np.full(8, 9, dtype), np.full(4, 9, dtype)
    crelu.forward(x, y, 2, 0.5)
    assert y.tolist() == [1, -1, -0.5, 2, 0, 4, 0, -2]
    crelu.backward(x, np.arange(8, dtype=dtype), dx, 2, 0.5)
    assert dx.tolist() == [0 - 1, 0.5 - 3, 2 - 3, 5 - 3.5]
