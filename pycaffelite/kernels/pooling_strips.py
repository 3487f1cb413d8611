"""Pooling over windows of 3 x 3 that are two places apart, without padding: the usual ones that overlap.

Arrays and `g` are those of `pooling`, and so are the results. A plane is done in strips, see `strips`.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pycaffelite.kernels._jit import Array
from pycaffelite.kernels.strips import (
    NARROW,
    WIDE,
    argmax_narrow,
    argmax_wide,
    max_narrow,
    max_wide,
    mean_narrow,
    mean_wide,
    share_narrow,
    share_wide,
    spread_narrow,
    spread_past_caches,
    spread_wide,
)
from pycaffelite.kernels.tasks import task

Numbers = npt.NDArray[np.int64]


@task("fffff")
def max_of_strips(plane: int, _thread: int, x: Array, y: Array, _c: Array, _d: Array, _e: Array, g: Numbers) -> None:
    """Write the maxima of one plane."""
    height, width, rows, columns = g[0], g[1], g[2], g[3]
    at, y_at = plane * height * width, plane * rows * columns
    if columns <= NARROW:
        max_narrow(x, at, height, width, y, y_at, rows, columns, 0)
    else:
        for first in range(0, columns, WIDE):
            max_wide(x, at, height, width, y, y_at, rows, columns, first)


@task("ffiff")
def argmax_of_strips(
    plane: int, _thread: int, x: Array, y: Array, places: Array, _d: Array, _e: Array, g: Numbers
) -> None:
    """Write the maxima of one plane and their places."""
    height, width, rows, columns = g[0], g[1], g[2], g[3]
    at, y_at = plane * height * width, plane * rows * columns
    if columns <= NARROW:
        argmax_narrow(x, at, height, width, y, y_at, rows, columns, 0, places)
    else:
        for first in range(0, columns, WIDE):
            argmax_wide(x, at, height, width, y, y_at, rows, columns, first, places)


@task("fffff")
def mean_of_strips(plane: int, _thread: int, x: Array, y: Array, _c: Array, _d: Array, _e: Array, g: Numbers) -> None:
    """Write the means of one plane."""
    height, width, rows, columns = g[0], g[1], g[2], g[3]
    at, y_at = plane * height * width, plane * rows * columns
    if columns <= NARROW:
        mean_narrow(x, at, height, width, y, y_at, rows, columns, 0)
    else:
        for first in range(0, columns, WIDE):
            mean_wide(x, at, height, width, y, y_at, rows, columns, first)


@task("fffff")
def share_in_strips(
    plane: int, _thread: int, dy: Array, dx: Array, _c: Array, _d: Array, _e: Array, g: Numbers
) -> None:
    """Overwrite one plane of dx with the gradient of its means."""
    height, width, rows, columns = g[0], g[1], g[2], g[3]
    at, dy_at = plane * height * width, plane * rows * columns
    if width <= 2 * NARROW:
        share_narrow(dy, dy_at, rows, columns, dx, at, height, width, 0)
    else:
        for first in range(0, (width + 1) // 2, WIDE):
            share_wide(dy, dy_at, rows, columns, dx, at, height, width, first)


@task("fifff")
def spread_in_strips(
    plane: int, _thread: int, dy: Array, places: Array, dx: Array, _d: Array, _e: Array, g: Numbers
) -> None:
    """Overwrite one plane of dx with the gradient of its maxima."""
    height, width, rows, columns = g[0], g[1], g[2], g[3]
    at, dy_at = plane * height * width, plane * rows * columns
    if width <= 2 * NARROW:
        spread_narrow(dy, dy_at, rows, columns, dx, at, height, width, 0, places)
    else:
        for first in range(0, (width + 1) // 2, WIDE):
            spread_wide(dy, dy_at, rows, columns, dx, at, height, width, first, places)


@task("fifff")
def spread_past(
    plane: int, _thread: int, dy: Array, places: Array, dx: Array, _d: Array, _e: Array, g: Numbers
) -> None:
    """Do what `spread_in_strips` does where strips fill cache lines, and write them past the caches."""
    height, width, rows, columns = g[0], g[1], g[2], g[3]
    at, dy_at = plane * height * width, plane * rows * columns
    for first in range(0, width // 2, WIDE):
        spread_past_caches(dy, dy_at, rows, columns, dx, at, height, width, first, places)
