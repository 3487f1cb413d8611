from __future__ import annotations

import numpy as np
import pytest

from pycaffelite.kernels.arg_max import arg_max


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("k", [1, 3])
def test_arg_max(dtype, k):
    x = np.random.default_rng(k).integers(0, 3, (2, 4, 3)).astype(dtype)
    x[0, :2, 0] = np.nan
    places, values = np.empty((2, k, 3), dtype), np.empty((2, k, 3), dtype)
    arg_max(x, places, values)
    for o, s in np.ndindex(2, 3):
        column = np.nan_to_num(x[o, :, s], nan=-9)
        order = sorted(range(4), key=lambda c: (column[c], c), reverse=True)[:k]
        assert places[o, :, s].tolist() == order
        np.testing.assert_array_equal(values[o, :, s], x[o, order, s])
