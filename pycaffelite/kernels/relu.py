"""Rectified linear units, with a slope for numbers that are not positive.

All arrays are flat and of one length n; x or dy (in) and y or dx (out) may be one array: the same object, or else there
are no vectors. Parallel over elements. One comparison and one product an element: bound by memory.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from pycaffelite.kernels._jit import Array
from pycaffelite.kernels.flat import IN_PLACE, run_flat, span
from pycaffelite.kernels.tasks import task

Numbers = npt.NDArray[np.int64]


def forward(x: Array, y: Array, positive: Array, slope: float) -> None:
    """Write y[i] = x[i] where x[i] > 0, else slope x[i], and note which it was.

    positive (out): uint8, 1 where x[i] > 0, else 0.
    """
    run_flat(_forward, x.size, (x, y, _slope(slope, x.dtype), positive), x is y)


def rectify(x: Array, y: Array, slope: float) -> None:
    """Write y[i] = x[i] where x[i] > 0, else slope x[i]."""
    run_flat(_rectify, x.size, (x, y, _slope(slope, x.dtype)), x is y)


def backward(positive: Array, dy: Array, dx: Array, slope: float) -> None:
    """Write dx[i] = dy[i] where positive[i] > 0, else slope dy[i].

    positive (in): what `forward` noted, or y itself if the slope is not negative.
    """
    work = _backward if positive.dtype == np.uint8 else _backward_by_sign
    run_flat(work, dy.size, (dy, dx, _slope(slope, dy.dtype), positive), dy is dx)


@lru_cache
def _slope(slope: float, dtype: np.dtype[Any]) -> Array:
    """Return a slope as tasks take it; there are few in a net."""
    return np.array([slope], dtype)


@task("fffbf")
def _forward(
    number: int, _thread: int, x: Array, y: Array, slope: Array, positive: Array, _e: Array, g: Numbers
) -> None:
    begin, end = span(number, g)
    factor = slope[0]
    if g[IN_PLACE]:
        for i in range(begin, end):
            value = y[i]
            positive[i] = value > 0
            y[i] = value if value > 0 else factor * value
    else:
        for i in range(begin, end):
            value = x[i]
            positive[i] = value > 0
            y[i] = value if value > 0 else factor * value


@task("fffff")
def _rectify(number: int, _thread: int, x: Array, y: Array, slope: Array, _d: Array, _e: Array, g: Numbers) -> None:
    begin, end = span(number, g)
    factor = slope[0]
    if g[IN_PLACE]:
        for i in range(begin, end):
            y[i] = y[i] if y[i] > 0 else factor * y[i]
    else:
        for i in range(begin, end):
            y[i] = x[i] if x[i] > 0 else factor * x[i]


def _pass_where_positive(
    number: int, _thread: int, dy: Array, dx: Array, slope: Array, positive: Array, _e: Array, g: Numbers
) -> None:
    begin, end = span(number, g)
    factor = slope[0]
    if g[IN_PLACE]:
        for i in range(begin, end):
            dx[i] = dx[i] if positive[i] > 0 else factor * dx[i]
    else:
        for i in range(begin, end):
            dx[i] = dy[i] if positive[i] > 0 else factor * dy[i]


# What says where the input was positive is a mask of bytes, or an array of floats with its sign.
_backward = task("fffbf")(_pass_where_positive)
_backward_by_sign = task("fffff")(_pass_where_positive)
