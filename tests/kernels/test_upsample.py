from __future__ import annotations

import numpy as np

from pycaffelite.kernels import upsample


def test_numbers_go_where_the_mask_says_and_come_back():
    x = np.arange(1.0, 7.0)
    mask = np.array([2.0, 0.0, 3.0, 1.0, 1.0, 4.0])
    y, dx = np.full(10, 9.0), np.full(6, 9.0)
    upsample.scatter(x, mask, y, 2)
    assert y.tolist() == [2, 0, 1, 3, 0, 0, 5, 0, 0, 6]  # of the two for one place the last
    upsample.gather(np.arange(10.0), mask, dx, 2)
    assert dx.tolist() == [2, 0, 3, 6, 6, 9]


def test_numbers_are_repeated_and_added_up():
    x = np.arange(12.0).reshape(2, 3, 2)
    y, dx = np.full((2, 6, 6), 9.0), np.full((2, 3, 2), 9.0)
    upsample.repeat(x, y)
    np.testing.assert_array_equal(y, x.repeat(2, 1).repeat(3, 2))
    dy = np.random.default_rng(0).integers(-9, 9, y.shape).astype(float)
    upsample.add_up(dy, dx)
    np.testing.assert_array_equal(dx, dy.reshape(2, 3, 2, 2, 3).sum((2, 4)))
