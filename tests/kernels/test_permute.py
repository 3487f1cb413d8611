from __future__ import annotations

import itertools

import numpy as np
import pytest

from pycaffelite.kernels.permute import merge, permute

SHAPES = [(2, 3, 4, 5), (1, 3, 1, 5), (3, 1, 20, 18), (2, 17, 33), (7,), (4, 0, 2)]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", SHAPES)
def test_every_order(shape, dtype):
    x = np.arange(np.prod(shape), dtype=dtype).reshape(shape)
    for order in itertools.permutations(range(len(shape))):
        y = np.full(tuple(shape[axis] for axis in order), -1, dtype)
        permute(x, order, y)
        for index in itertools.product(*map(range, y.shape)) if x.size < 200 else ():
            place = [0] * len(shape)
            for axis, i in zip(order, index, strict=True):
                place[axis] = i
            assert y[index] == x[tuple(place)]
        np.testing.assert_array_equal(np.sort(y, axis=None), x.reshape(-1))
        np.testing.assert_array_equal(y, np.moveaxis(x, order, range(len(shape))))


@pytest.mark.parametrize(
    ("shape", "order", "merged"),
    [
        ((2, 3, 4, 5), (0, 2, 3, 1), ((2, 3, 20), (0, 2, 1))),
        ((2, 4, 5, 3), (0, 3, 1, 2), ((2, 20, 3), (0, 2, 1))),
        ((1, 3, 4, 5), (0, 2, 3, 1), ((3, 20), (1, 0))),
        ((2, 3, 1, 5), (0, 1, 2, 3), ((30,), (0,))),
        ((2, 3, 4, 5), (3, 2, 1, 0), ((2, 3, 4, 5), (3, 2, 1, 0))),
        ((1, 1), (1, 0), ((), ())),
    ],
)
def test_neighbours_become_one(shape, order, merged):
    assert merge(shape, order) == merged
