from __future__ import annotations

import numpy as np
import pytest

from pycaffelite.kernels import dropout


def hashed(word):
    word = ((word ^ (word >> 16)) * 0x7FEB352D) % 2**32
    word = ((word ^ (word >> 15)) * 0x446CA68B) % 2**32
    return word ^ (word >> 16)


@pytest.mark.parametrize(("first", "second"), [(0, 0), (1, 2**32 - 1), (0xDEADBEEF, 0x12345678)])
@pytest.mark.parametrize("threshold", [0, 2**31, 2**32])
def test_draw_mask(first, second, threshold):
    mask = np.full(50, 9, np.uint8)
    dropout.draw_mask(mask, first, second, threshold)
    expected = [hashed((hashed(i ^ first) + second) % 2**32) >= threshold for i in range(50)]
    assert mask.tolist() == expected


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_apply_mask(dtype):
    x = np.arange(1, 41, dtype=dtype)
    mask = np.tile(np.array([0, 1, 1, 0], np.uint8), 10)
    y = np.full_like(x, 9)
    dropout.apply_mask(x, mask, 1.5, y)
    np.testing.assert_array_equal(y, np.where(mask, x * 1.5, 0))
    dropout.apply_mask(x, mask, 1.5, x)
    np.testing.assert_array_equal(x, y)
