from __future__ import annotations

import numpy as np
import pytest

from pycaffelite.kernels.moves import add8, copy8
from pycaffelite.kernels.tasks import run, task


@task("fffff")
def move(_number, _thread, source, copied, added, _d, _e, g):
    copy8(copied, g[0], source, g[1])
    add8(added, g[0], source, g[1])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_moving_eight_elements(dtype):
    source = np.arange(1, 20, dtype=dtype)
    copied, added = np.zeros(20, dtype), np.ones(20, dtype)
    run(move, 1, (source, copied, added), np.array([5, 3], np.int64))
    expected = np.zeros(20, dtype)
    expected[5:13] = source[3:11]
    np.testing.assert_array_equal(copied, expected)
    np.testing.assert_array_equal(added, expected + 1)
