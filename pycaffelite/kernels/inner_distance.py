"""Distances of rows from rows, and what they send back.

x and dx are (M, K), points and dpoints (N, K), y and dy (M, N), all flat. With d = x[m,k] - points[n,k] a distance is
the sum over k of d^2 or, `absolute`, of |d|. Parallel over rows of what is written, which share nothing.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pycaffelite.kernels._jit import Array
from pycaffelite.kernels.tasks import run, task

Numbers = npt.NDArray[np.int64]

_POINTS, _DEPTH, _ABSOLUTE, _ROWS = range(4)


def distances(x: Array, points: Array, y: Array, depth: int, absolute: bool) -> None:
    """Write y[m,n], the distance of x[m] from points[n]."""
    g = _numbers(x, points, depth, absolute)
    run(_distances, int(g[_ROWS]), (x, points, y), g)


def toward(x: Array, points: Array, dy: Array, dx: Array, depth: int, absolute: bool) -> None:
    """Write dx[m,k] = the sum over n of dy[m,n] times the slope of the distance: 2 d, or the sign of d."""
    g = _numbers(x, points, depth, absolute)
    run(_toward, int(g[_ROWS]), (x, points, dy, dx), g)


def add_away(x: Array, points: Array, dy: Array, dpoints: Array, depth: int, absolute: bool) -> None:
    """Add to dpoints[n,k] the sum over m of dy[m,n] times minus that slope."""
    g = _numbers(x, points, depth, absolute)
    run(_add_away, int(g[_POINTS]), (x, points, dy, dpoints), g)


def _numbers(x: Array, points: Array, depth: int, absolute: bool) -> Numbers:
    return np.array((points.size // depth, depth, absolute, x.size // depth), np.int64)


@task("fffff")
def _distances(m: int, _thread: int, x: Array, points: Array, y: Array, _d: Array, _e: Array, g: Numbers) -> None:
    depth = g[_DEPTH]
    for n in range(g[_POINTS]):
        total = 0.0
        if g[_ABSOLUTE]:
            for k in range(depth):
                total += abs(x[m * depth + k] - points[n * depth + k])
        else:
            for k in range(depth):
                d = x[m * depth + k] - points[n * depth + k]
                total += d * d
        y[m * g[_POINTS] + n] = total


@task("fffff")
def _toward(m: int, _thread: int, x: Array, points: Array, dy: Array, dx: Array, _e: Array, g: Numbers) -> None:
    depth = g[_DEPTH]
    for k in range(m * depth, (m + 1) * depth):
        dx[k] = 0
    for n in range(g[_POINTS]):
        weight = dy[m * g[_POINTS] + n]
        for k in range(depth):
            d = x[m * depth + k] - points[n * depth + k]
            dx[m * depth + k] += weight * (int(d > 0) - int(d < 0)) if g[_ABSOLUTE] else 2 * weight * d


@task("fffff")
def _add_away(n: int, _thread: int, x: Array, points: Array, dy: Array, dpoints: Array, _e: Array, g: Numbers) -> None:
    depth = g[_DEPTH]
    for m in range(g[_ROWS]):
        weight = dy[m * g[_POINTS] + n]
        for k in range(depth):
            d = points[n * depth + k] - x[m * depth + k]
            dpoints[n * depth + k] += weight * (int(d > 0) - int(d < 0)) if g[_ABSOLUTE] else 2 * weight * d
