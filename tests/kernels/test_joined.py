from __future__ import annotations

import numpy as np
import pytest

from pycaffelite.kernels.joined import Call, Joined
from pycaffelite.kernels.tasks import task


@task("fffff")
def add_to(_number, _thread, x, y, _c, _d, _e, g):
    for i in range(g[0]):
        y[i] += x[i]


@task("ffiff")
def double_and_count(_number, _thread, x, y, numbers, _d, _e, g):
    for i in range(g[0]):
        y[i] = 2 * x[i]
        numbers[i] = i + g[1]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_calls_of_a_task_are_made_in_order(dtype):
    x, y, z = np.arange(5, dtype=dtype), np.zeros(5, dtype), np.zeros(3, dtype)
    numbers = np.zeros(5, dtype)
    joined = Joined(
        [
            [Call(double_and_count, (x, y, numbers), np.array([4, 7])), Call(add_to, (x, y), np.array([5]))],
            [],
            [Call(add_to, (x[2:], z), np.array([3]))],
        ]
    )
    joined.run()
    assert y.tolist() == [0, 3, 6, 9, 4]
    assert z.tolist() == [2, 3, 4]
    assert numbers.view(f"i{x.itemsize}").tolist() == [7, 8, 9, 10, 0]
    x[:] = 1
    joined.run()
    assert (y.tolist(), z.tolist()) == ([3, 3, 3, 3, 5], [3, 4, 5])


def test_arrays_live_as_long_as_their_calls():
    total = np.zeros(1)
    joined = Joined([[Call(add_to, (np.full(1, 3.0), total), np.array([1]))]])
    others = [np.full(1, 9.0) for _ in range(5)]  # one would take the place of the first
    joined.run()
    assert total[0] == 3, others
