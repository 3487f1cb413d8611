from __future__ import annotations

import numpy as np
import pytest

from pycaffelite.kernels import relu6


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_relu6(dtype):
    x = np.array([-1, 0, 2.5, 6, 7, np.nan], dtype)
    y, inside = np.full(6, 9, dtype), np.full(6, 9, np.uint8)
    for target in (y, x):
        relu6.forward(x, target, inside)
        np.testing.assert_array_equal(target, np.array([0, 0, 2.5, 6, 6, np.nan], dtype))
        assert inside.tolist() == [0, 0, 1, 0, 0, 0]
