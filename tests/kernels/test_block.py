from __future__ import annotations

import numpy as np
import pytest

from pycaffelite.kernels import block


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("offset", [0, 2, 3])
def test_put_and_take(offset, dtype):
    part = np.arange(6, dtype=dtype).reshape(3, 2)
    whole = np.full((3, 5), 9, dtype)
    expected = whole.copy()
    expected[:, offset : offset + 2] = part
    block.put(part, whole, offset)
    np.testing.assert_array_equal(whole, expected)
    back = np.full((3, 2), 9, dtype)
    block.take(whole, offset, back)
    np.testing.assert_array_equal(back, part)
