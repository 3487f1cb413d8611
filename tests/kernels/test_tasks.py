from __future__ import annotations

import threading

import numpy as np
import pytest

from pycaffelite.kernels.tasks import run, task
from pycaffelite.kernels.workspace import padded_stride, workspace


@task("ffiff")
def number_and_double(number, _thread, x, y, numbers, _d, _e, g):
    for i in range(number * g[0], (number + 1) * g[0]):
        y[i] = 2 * x[i]
        numbers[i] = number - 3


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("count", [0, 1, 7])
def test_every_task_runs_once(count, dtype):
    x = np.arange(21, dtype=dtype)
    y, numbers = np.full(21, -1, dtype), np.zeros(21, dtype)
    run(number_and_double, count, (x, y, numbers), np.array([3], np.int64))
    done = 3 * count
    np.testing.assert_array_equal(y[:done], 2 * x[:done])
    assert (y[done:] == -1).all()
    np.testing.assert_array_equal(numbers.view(f"i{x.itemsize}")[:done], np.repeat(np.arange(count) - 3, 3))


def test_workspace_grows_and_belongs_to_its_thread():
    small = workspace(np.float32, 10)
    large = workspace(np.float32, small.size + 100)
    assert large.size >= small.size + 100
    assert workspace("float32", 5) is large
    assert large.ctypes.data % 64 == 0
    others = []
    thread = threading.Thread(target=lambda: others.append(workspace(np.float32, 5)))
    thread.start()
    thread.join()
    assert others[0] is not large


@pytest.mark.parametrize(("count", "dtype", "stride"), [(1, "f4", 16), (17, "f4", 48), (48, "f4", 48), (9, "f8", 24)])
def test_padded_strides_are_odd_numbers_of_lines(count, dtype, stride):
    assert padded_stride(count, dtype) == stride
