"""Putting the axes of an array in another order."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from pycaffelite.kernels._jit import Array
from pycaffelite.kernels.flat import span
from pycaffelite.kernels.tasks import run, task

_TILE = 16  # rows and columns that are turned together: as many floats as a cache line holds
_WORTH = 1 << 14  # elements of a task


def permute(x: Array, order: Sequence[int], y: Array) -> None:
    """Write y[i_order[0], i_order[1], ...] = x[i_0, i_1, ...].

    Axes that stay neighbours are taken as one. What is a batch of matrices to be transposed then, as from NCHW to NHWC
    and back, is done in tiles, in parallel over the columns; everything else is NumPy's. Bound by memory.

    Args:
        x: Any shape, in.
        order: For each axis of y the axis of x that it is.
        y: The shape of x in that order, out.
    """
    shape, order = merge(x.shape, order)
    places = len(shape)
    if places > 1 and order == (*range(places - 2), places - 1, places - 2) and x.size:
        batch = int(np.prod(shape[:-2]))
        rows, columns = shape[-2:]
        strips = batch * -(-columns // _TILE)
        tasks = max(1, min(64, strips, x.size // _WORTH))
        run(_transpose, tasks, (x.reshape(-1), y.reshape(-1)), np.array((tasks, strips, rows, columns), np.int64))
        return
    turned = x.reshape(shape).transpose(order)
    np.copyto(y.reshape(turned.shape), turned)


def merge(shape: Sequence[int], order: Sequence[int]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the shape and the order with axes of length 1 left out, and axes that stay neighbours made one."""
    groups: list[list[int]] = []
    for axis in order:
        if shape[axis] == 1:
            continue
        # The last axis of the group, and this one, with nothing but axes of length 1 between them.
        if groups and groups[-1][-1] < axis and all(shape[k] == 1 for k in range(groups[-1][-1] + 1, axis)):
            groups[-1].append(axis)
        else:
            groups.append([axis])
    sources = sorted(groups)
    lengths = tuple(int(np.prod([shape[axis] for axis in group])) for group in sources)
    return lengths, tuple(sources.index(group) for group in groups)


@task("fffff")
def _transpose(
    number: int, _thread: int, x: Array, y: Array, _c: Array, _d: Array, _e: Array, g: npt.NDArray[np.int64]
) -> None:
    begin, end = span(number, g)
    rows, columns = g[2], g[3]
    across = -(-columns // _TILE)
    for strip in range(begin, end):
        base = strip // across * rows * columns
        first = strip % across * _TILE
        last = min(first + _TILE, columns)
        for top in range(0, rows, _TILE):
            bottom = min(top + _TILE, rows)
            for column in range(first, last):
                for row in range(top, bottom):
                    y[base + column * rows + row] = x[base + row * columns + column]
