"""Sums of rows.

x is (N, D), y is (N,). Sums are float64; rows are dealt to tasks, so the bits do not depend on the number of threads.
One pass over x.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pycaffelite.kernels._jit import Array
from pycaffelite.kernels.flat import span
from pycaffelite.kernels.tasks import Task, run, task

Numbers = npt.NDArray[np.int64]

_DEPTH = 2  # where g says how long a row is
_WORTH = 1 << 14  # elements of a task


def sums(x: Array, coeff: float, y: Array) -> None:
    """Write y[n] = coeff times the sum over d of x[n,d]."""
    _run_rows(_sums, x, coeff, y)


def absolute_sums(x: Array, coeff: float, y: Array) -> None:
    """Write y[n] = coeff times the sum over d of |x[n,d]|."""
    _run_rows(_absolute_sums, x, coeff, y)


def square_sums(x: Array, coeff: float, y: Array) -> None:
    """Write y[n] = coeff times the sum over d of x[n,d]^2."""
    _run_rows(_square_sums, x, coeff, y)


def _run_rows(work: Task, x: Array, coeff: float, y: Array) -> None:
    rows, depth = x.shape
    tasks = max(1, min(64, rows, x.size // _WORTH))
    run(work, tasks, (x.reshape(-1), np.array([coeff], x.dtype), y), np.array((tasks, rows, depth), np.int64))


@task("fffff")
def _sums(number: int, _thread: int, x: Array, coeff: Array, y: Array, _d: Array, _e: Array, g: Numbers) -> None:
    begin, end = span(number, g)
    for row in range(begin, end):
        total = 0.0
        for i in range(row * g[_DEPTH], (row + 1) * g[_DEPTH]):
            total += x[i]
        y[row] = coeff[0] * total


@task("fffff")
def _absolute_sums(
    number: int, _thread: int, x: Array, coeff: Array, y: Array, _d: Array, _e: Array, g: Numbers
) -> None:
    begin, end = span(number, g)
    for row in range(begin, end):
        total = 0.0
        for i in range(row * g[_DEPTH], (row + 1) * g[_DEPTH]):
            total += abs(x[i])
        y[row] = coeff[0] * total


@task("fffff")
def _square_sums(number: int, _thread: int, x: Array, coeff: Array, y: Array, _d: Array, _e: Array, g: Numbers) -> None:
    begin, end = span(number, g)
    for row in range(begin, end):
        total = 0.0
        for i in range(row * g[_DEPTH], (row + 1) * g[_DEPTH]):
            total += x[i] * x[i]
        y[row] = coeff[0] * total
