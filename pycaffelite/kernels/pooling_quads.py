"""Pooling over windows of 2 x 2 that lie side by side and cover a plane: the usual ones that do not overlap.

Arrays and `g` are those of `pooling`, and so are the results.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pycaffelite.kernels._jit import Array
from pycaffelite.kernels.quads import (
    max_quads1,
    max_quads4,
    max_quads8,
    spread_quads1,
    spread_quads4,
    spread_quads8,
)
from pycaffelite.kernels.tasks import task

Numbers = npt.NDArray[np.int64]


@task("ffiff")
def argmax_of_quads(
    plane: int, _thread: int, x: Array, y: Array, places: Array, _d: Array, _e: Array, g: Numbers
) -> None:
    """Pool one plane 2 x 2 without overlap or border; the last windows of a line may be done twice."""
    columns = g[3]
    width = 2 * columns
    for oh in range(g[2]):
        line = plane * g[2] + oh
        source, target, place = line * 2 * width, line * columns, 2 * oh * width
        if columns >= 8:
            for i in range(0, columns, 8):
                ow = min(i, columns - 8)
                max_quads8(x, source + 2 * ow, width, y, target + ow, places, place + 2 * ow)
        elif columns >= 4:
            for i in range(0, columns, 4):
                ow = min(i, columns - 4)
                max_quads4(x, source + 2 * ow, width, y, target + ow, places, place + 2 * ow)
        else:
            for ow in range(columns):
                max_quads1(x, source + 2 * ow, width, y, target + ow, places, place + 2 * ow)


@task("fifff")
def spread_to_quads(
    plane: int, _thread: int, dy: Array, places: Array, dx: Array, _d: Array, _e: Array, g: Numbers
) -> None:
    """Overwrite one plane of dx for windows as in `argmax_of_quads`."""
    columns = g[3]
    width = 2 * columns
    for oh in range(g[2]):
        line = plane * g[2] + oh
        target, source, place = line * 2 * width, line * columns, 2 * oh * width
        if columns >= 8:
            for i in range(0, columns, 8):
                ow = min(i, columns - 8)
                spread_quads8(dy, places, source + ow, dx, target + 2 * ow, width, place + 2 * ow)
        elif columns >= 4:
            for i in range(0, columns, 4):
                ow = min(i, columns - 4)
                spread_quads4(dy, places, source + ow, dx, target + 2 * ow, width, place + 2 * ow)
        else:
            for ow in range(columns):
                spread_quads1(dy, places, source + ow, dx, target + 2 * ow, width, place + 2 * ow)
