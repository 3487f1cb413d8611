"""Copying planes into frames of zeros, from which convolutions read vectors without looking for borders.

A frame is the padded plane. Its columns may be dealt out to as many *runs* as the stride, one behind the other in each
row, so that those which one tap of a kernel meets are neighbours; or its pixels may be apart, with zeros between them.
Serial, called from tasks, one row at a time and from top to bottom: a row may be written a little too far.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pycaffelite.kernels._jit import Array, kernel
from pycaffelite.kernels.vectors import SPLIT, clear, split1, split2
from pycaffelite.kernels.workspace import padded_stride

Numbers = npt.NDArray[np.int64]

# Places in a vector of numbers: the planes' size and that of the array; where their first pixel stands in the frame;
# how far apart pixels are in it; how many runs a row has, how long they are, and how long the row is.
HEIGHT, WIDTH, X_SIZE, TOP, LEFT, APART_H, APART_W, RUNS, RUN, FRAME_ROW = range(10)
# Quotients: elements of a run that hold pixels, where in the first and in the second run the zeros behind them begin.
COUNT, ZEROS, SECOND_ZEROS, FRAME_NUMBERS = range(10, 14)


def frame_numbers(
    size: tuple[int, int],
    planes: int,
    pad: tuple[int, int],
    read: int,
    dtype: npt.DTypeLike,
    apart: tuple[int, int] = (1, 1),
    runs: int = 1,
) -> list[int]:
    """Return the numbers of a frame.

    Args:
        size: Height and width of a plane.
        planes: How many there are.
        pad: Rows above and columns left of the first pixel; negative where pixels are left out.
        read: Elements of a run that are read.
        dtype: Float type.
        apart: Distance of pixels in the frame.
        runs: Runs of a row.
    """
    run = padded_stride(read + SPLIT, dtype)
    end = pad[1] + size[1]
    numbers = [*size, planes * size[0] * size[1], *pad, *apart, runs, run, runs * run]
    return [*numbers, min(-(-end // runs), run - SPLIT), max(0, -(-end // runs)), max(0, end // runs)]


@kernel(inner=True)
def frame_row(x: Array, x_at: int, h: int, scratch: Array, to: int, g: Numbers) -> None:
    """Write row h of the frame of the plane at x_at to scratch, from place `to` on."""
    i = h - g[TOP]
    between = False
    if g[APART_H] > 1:
        between = i % g[APART_H] != 0
        i //= g[APART_H]
    if i < 0 or i >= g[HEIGHT] or between:
        for place in range(to, to + g[FRAME_ROW], SPLIT):
            clear(scratch, place)
        return
    runs, length, left, count = g[RUNS], g[RUN], g[LEFT], g[COUNT]
    source = x_at + i * g[WIDTH] - left
    if g[APART_W] > 1 or runs > 2 or source < 0 or source + runs * (count + SPLIT) > g[X_SIZE]:
        _frame_row_slowly(x, source + left, scratch, to, g)
        return
    for place in range(0, count, SPLIT):
        if runs == 1:
            split1(scratch, to + place, length, x, source + place)
        else:
            split2(scratch, to + place, length, x, source + 2 * place)
    for column in range(left):  # quotients by 1 or 2
        scratch[to + (column & (runs - 1)) * length + (column >> (runs - 1))] = 0
    for place in range(to + g[ZEROS], to + length - SPLIT, SPLIT):
        clear(scratch, place)
    for place in range(to + length + g[SECOND_ZEROS], to + g[FRAME_ROW] - SPLIT, SPLIT):
        clear(scratch, place)


@kernel(inner=True)
def _frame_row_slowly(x: Array, source: int, scratch: Array, to: int, g: Numbers) -> None:
    """Write a row of the frame where pixels are apart, or may not be read in vectors because the array ends."""
    for place in range(to, to + g[FRAME_ROW], SPLIT):
        clear(scratch, place)
    left, apart, runs = g[LEFT], g[APART_W], g[RUNS]
    first = 0 if left >= 0 else -(left // apart)
    last = min(g[WIDTH], (g[FRAME_ROW] - 1 - left) // apart + 1)
    if runs == 1:
        for j in range(first, last):
            scratch[to + left + j * apart] = x[source + j]
        return
    for j in range(first, last):
        column = left + j * apart
        scratch[to + column % runs * g[RUN] + column // runs] = x[source + j]
