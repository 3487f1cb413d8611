"""Normalization of the rows of a matrix to mean 0, and to variance 1.

Arrays are (R, D); each row is normalized by itself, by one task, with sums in float64: parallel over rows, the same
bits for any number of threads. A row is read from memory once if the second cache holds it.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from pycaffelite.kernels._jit import Array
from pycaffelite.kernels.tasks import run, task

Numbers = npt.NDArray[np.int64]

_DEPTH, _DIVIDES, _EPS = range(3)


def normalize_rows(x: Array, y: Array, deviations: Array, divides: bool, eps: float) -> None:
    """Write y[r,d] = (x[r,d] - mean[r]) / s[r], and s[r] = sqrt(variance[r]) + eps to `deviations`.

    Without `divides`, s is 1. x (in) and y (out) may be one array.
    """
    run(_normalize, x.shape[0], (x.reshape(-1), y.reshape(-1), deviations), _numbers(x, divides, eps))


def normalize_rows_backward(y: Array, deviations: Array, dy: Array, dx: Array, divides: bool) -> None:
    """Write dx[r,d] = (dy[r,d] - a[r] - b[r] y[r,d]) / s[r], with a and b the means over d of dy and of dy y.

    Without `divides`, dx[r,d] = dy[r,d] - a[r]. dy (in) and dx (out) may be one array.
    """
    arrays = (y.reshape(-1), deviations, dy.reshape(-1), dx.reshape(-1), np.empty(2 * y.shape[0], y.dtype))
    run(_backward, y.shape[0], arrays, _numbers(y, divides, 0.0))


def _numbers(x: Array, divides: bool, eps: float) -> Numbers:
    """Return the length of a row, whether it is divided, and the bits of eps."""
    return np.array((x.shape[1], divides, np.float64(eps).view(np.int64)), np.int64)


@task("fffff")
def _normalize(r: int, _thread: int, x: Array, y: Array, deviations: Array, _d: Array, _e: Array, g: Numbers) -> None:
    start, end = r * g[_DEPTH], (r + 1) * g[_DEPTH]
    total = 0.0
    for i in range(start, end):
        total += x[i]
    # Through an element, for its type: rounded first, so that the deviations are from the mean that is subtracted.
    deviations[r] = total / g[_DEPTH]
    center = deviations[r]
    squares = 0.0
    for i in range(start, end):
        deviation = x[i] - center
        y[i] = deviation
        squares += deviation * deviation
    deviations[r] = 1
    if g[_DIVIDES]:
        deviations[r] = math.sqrt(squares / g[_DEPTH]) + np.int64(g[_EPS]).view(np.float64)
        divisor = deviations[r]
        for i in range(start, end):
            y[i] = y[i] / divisor


@task("fffff")
def _backward(
    r: int, _thread: int, y: Array, deviations: Array, dy: Array, dx: Array, means: Array, g: Numbers
) -> None:
    start, end = r * g[_DEPTH], (r + 1) * g[_DEPTH]
    total, product = 0.0, 0.0
    for i in range(start, end):
        total += dy[i]
        product += dy[i] * y[i]
    means[2 * r] = total / g[_DEPTH]
    means[2 * r + 1] = product / g[_DEPTH] if g[_DIVIDES] else 0.0
    a, b, divisor = means[2 * r], means[2 * r + 1], deviations[r]
    for i in range(start, end):
        dx[i] = (dy[i] - a - b * y[i]) / divisor
