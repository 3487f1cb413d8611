"""Rectified linear units with a learned slope for each channel.

Arrays of data are (O, C, S): O outer positions, C channels, S inner positions; slopes are (C,). Parallel over ranges of
(o, c), sums over c. Bound by memory.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pycaffelite.kernels._jit import Array
from pycaffelite.kernels.flat import span
from pycaffelite.kernels.tasks import Task, run, task

Numbers = npt.NDArray[np.int64]

_CHANNELS, _INNER, _IN_PLACE = 2, 3, 4  # where g says how many there are, and whether two arrays are one
_WORTH = 1 << 14  # elements of a task


def forward(x: Array, slopes: Array, y: Array) -> None:
    """Write y[o,c,s] = x[o,c,s] where that is above 0, else slopes[c] x[o,c,s]; x (in) and y (out) may be one array."""
    _run_rows(_forward, (x.reshape(-1), y.reshape(-1), slopes), x.shape, np.may_share_memory(x, y))


def backward(x: Array, dy: Array, slopes: Array, dx: Array) -> None:
    """Write dx[o,c,s] = dy[o,c,s] where x[o,c,s] > 0, else slopes[c] dy[o,c,s]; dy and dx may be one array."""
    arrays = (x.reshape(-1), dy.reshape(-1), dx.reshape(-1), slopes)
    _run_rows(_backward, arrays, x.shape, np.may_share_memory(dy, dx))


def add_gradient(x: Array, dy: Array, dslopes: Array) -> None:
    """Add the sum of x[o,c,s] dy[o,c,s] where x[o,c,s] <= 0, over o and s, to dslopes[c]; sums in float64."""
    run(_add_gradient, x.shape[1], (x.reshape(-1), dy.reshape(-1), dslopes), np.array(x.shape, np.int64))


def _run_rows(work: Task, arrays: tuple[Array, ...], shape: tuple[int, ...], in_place: bool) -> None:
    outer, channels, inner = shape
    rows = outer * channels
    tasks = max(1, min(64, rows, rows * inner // _WORTH))
    run(work, tasks, arrays, np.array((tasks, rows, channels, inner, in_place), np.int64))


@task("fffff")
def _forward(number: int, _thread: int, x: Array, y: Array, slopes: Array, _d: Array, _e: Array, g: Numbers) -> None:
    begin, end = span(number, g)
    inner = g[_INNER]
    for row in range(begin, end):
        slope = slopes[row % g[_CHANNELS]]
        if g[_IN_PLACE]:
            for i in range(row * inner, (row + 1) * inner):
                y[i] = y[i] if y[i] > 0 else slope * y[i]
        else:
            for i in range(row * inner, (row + 1) * inner):
                y[i] = x[i] if x[i] > 0 else slope * x[i]


@task("fffff")
def _backward(number: int, _thread: int, x: Array, dy: Array, dx: Array, slopes: Array, _e: Array, g: Numbers) -> None:
    begin, end = span(number, g)
    inner = g[_INNER]
    for row in range(begin, end):
        slope = slopes[row % g[_CHANNELS]]
        if g[_IN_PLACE]:
            for i in range(row * inner, (row + 1) * inner):
                dx[i] = dx[i] if x[i] > 0 else slope * dx[i]
        else:
            for i in range(row * inner, (row + 1) * inner):
                dx[i] = dy[i] if x[i] > 0 else slope * dy[i]


@task("fffff")
def _add_gradient(c: int, _thread: int, x: Array, dy: Array, dslopes: Array, _d: Array, _e: Array, g: Numbers) -> None:
    total = 0.0
    for o in range(g[0]):
        start = (o * g[1] + c) * g[2]
        for i in range(start, start + g[2]):
            total += 0.0 if x[i] > 0 else x[i] * dy[i]
    dslopes[c] += total
