"""Products with one number for each channel, and the sums that are their gradients.

Arrays of data are (O, C, S): O outer positions, C channels (any axes, made one), S inner positions. Bound by memory.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pycaffelite.kernels._jit import Array
from pycaffelite.kernels.flat import span
from pycaffelite.kernels.tasks import run, task

Numbers = npt.NDArray[np.int64]

_CHANNELS, _INNER, _IN_PLACE = 2, 3, 4
_WORTH = 1 << 14  # elements of a task


def scale_channels(x: Array, scale: Array, y: Array) -> None:
    """Write y[o,c,s] = scale[c] x[o,c,s]; x (in) and y (out) may be one array."""
    zeros = np.zeros(x.shape[1], x.dtype)
    transform_channels(x, zeros, scale, zeros, y)


def transform_channels(x: Array, center: Array, scale: Array, shift: Array, y: Array) -> None:
    """Write y[o,c,s] = scale[c] (x[o,c,s] - center[c]) + shift[c]; x (in) and y (out) may be one array.

    Parallel over ranges of (o, c).
    """
    outer, channels, inner = x.shape
    rows = outer * channels
    tasks = max(1, min(64, rows, x.size // _WORTH))
    g = np.array((tasks, rows, channels, inner, np.may_share_memory(x, y)), np.int64)
    run(_transform, tasks, (x.reshape(-1), y.reshape(-1), center, scale, shift), g)


def add_products(x: Array, dy: Array, dscale: Array) -> None:
    """Add the sum over o and s of x[o,c,s] dy[o,c,s] to dscale[c] (in and out).

    Each sum is one thread's, in float64: parallel over c, the same bits for any number of threads.
    """
    g = np.array(x.shape, np.int64)
    run(_add_products, x.shape[1], (x.reshape(-1), dy.reshape(-1), dscale), g)


def add_sums(dy: Array, dbias: Array) -> None:
    """Add the sum over o and s of dy[o,c,s] to dbias[c] (in and out); float64 sums, parallel over c."""
    run(_add_sums, dy.shape[1], (dy.reshape(-1), dbias), np.array(dy.shape, np.int64))


@task("fffff")
def _transform(
    number: int, _thread: int, x: Array, y: Array, center: Array, scale: Array, shift: Array, g: Numbers
) -> None:
    begin, end = span(number, g)
    channels, inner = g[_CHANNELS], g[_INNER]
    c = begin % channels
    if inner == 1:
        for row in range(begin, end):
            y[row] = (x[row] - center[c]) * scale[c] + shift[c]
            c = c + 1 if c + 1 < channels else 0
        return
    for row in range(begin, end):
        middle, factor, more = center[c], scale[c], shift[c]
        if g[_IN_PLACE]:
            for i in range(row * inner, (row + 1) * inner):
                y[i] = (y[i] - middle) * factor + more
        else:
            for i in range(row * inner, (row + 1) * inner):
                y[i] = (x[i] - middle) * factor + more
        c = c + 1 if c + 1 < channels else 0


@task("fffff")
def _add_products(c: int, _thread: int, x: Array, dy: Array, dscale: Array, _d: Array, _e: Array, g: Numbers) -> None:
    total = 0.0
    for o in range(g[0]):
        start = (o * g[1] + c) * g[2]
        for i in range(start, start + g[2]):
            total += x[i] * dy[i]
    dscale[c] += total


@task("fffff")
def _add_sums(c: int, _thread: int, dy: Array, dbias: Array, _c: Array, _d: Array, _e: Array, g: Numbers) -> None:
    total = 0.0
    for o in range(g[0]):
        start = (o * g[1] + c) * g[2]
        for i in range(start, start + g[2]):
            total += dy[i]
    dbias[c] += total
