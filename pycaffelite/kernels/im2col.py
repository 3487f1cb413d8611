"""Patches of one image as a matrix, for any number of spatial axes: the general and slower way to a convolution.

    columns[(c, k...), (o...)] = x[c, o... * stride + k... * dilation - pad], 0 outside

`axes` is an int64 matrix with a row for each spatial axis: length, outputs, kernel, stride, pad, dilation. Arrays are
flat. Parallel over rows (gather) or over channels (scatter), which share nothing.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pycaffelite.kernels._jit import Array, kernel
from pycaffelite.kernels.tasks import run, task

LENGTH, OUTPUTS, KERNEL, STRIDE, PAD, DILATION = range(6)


Numbers = npt.NDArray[np.int64]


def im2col(x: Array, columns: Array, channels: int, axes: Numbers) -> None:
    """Write the patches of an image; `axes` is the matrix described above."""
    g = np.concatenate([[channels, len(axes)], axes.reshape(-1)])
    run(_gather, channels * int(axes[:, KERNEL].prod()), (x, columns), g)


def col2im(columns: Array, dx: Array, channels: int, axes: Numbers) -> None:
    """Overwrite dx with the sums of the patches at their places."""
    g = np.concatenate([[channels, len(axes)], axes.reshape(-1)])
    run(_scatter, channels, (columns, dx), g)


@kernel(inner=True)
def _line(g: Numbers, position: int, line: int) -> int:
    """Return where in its channel the line of the image begins that a kernel position meets for a line of outputs.

    Lines run along the last axis; positions and lines of outputs are row-major numbers. -1: outside.
    """
    last = g[1] - 1
    place, step = 0, g[2 + 6 * last + LENGTH]
    position //= g[2 + 6 * last + KERNEL]
    for axis in range(last - 1, -1, -1):
        at = 2 + 6 * axis
        k, o = position % g[at + KERNEL], line % g[at + OUTPUTS]
        i = o * g[at + STRIDE] + k * g[at + DILATION] - g[at + PAD]
        if i < 0 or i >= g[at + LENGTH]:
            return -1
        place += i * step
        step *= g[at + LENGTH]
        position //= g[at + KERNEL]
        line //= g[at + OUTPUTS]
    return place


@kernel(inner=True)
def _inside(g: Numbers, position: int) -> tuple[int, int, int]:
    """Return where along the last axis the kernel position reads for output 0, and from which to which it is inside."""
    at = 2 + 6 * (g[1] - 1)
    begin = position % g[at + KERNEL] * g[at + DILATION] - g[at + PAD]
    first = max(0, -(begin // g[at + STRIDE]))
    end = min(g[at + OUTPUTS], -((begin - g[at + LENGTH]) // g[at + STRIDE]))
    return begin, min(first, g[at + OUTPUTS]), max(end, min(first, g[at + OUTPUTS]))


@kernel(inner=True)
def _product(g: Numbers, what: int) -> int:
    """Return the product of one of the lengths over all axes."""
    result = 1
    for axis in range(g[1]):
        result *= g[2 + 6 * axis + what]
    return result


@task("fffff")
def _gather(row: int, _thread: int, x: Array, columns: Array, _c: Array, _d: Array, _e: Array, g: Numbers) -> None:
    """Write one row of the matrix."""
    places, area, outputs = _product(g, LENGTH), _product(g, KERNEL), _product(g, OUTPUTS)
    width, stride = g[6 * g[1] - 4 + OUTPUTS], g[6 * g[1] - 4 + STRIDE]
    begin, first, end = _inside(g, row % area)
    for line in range(outputs // width):
        target = row * outputs + line * width
        place = _line(g, row % area, line)
        if place < 0:
            for o in range(target, target + width):
                columns[o] = 0
            continue
        for o in range(target, target + first):
            columns[o] = 0
        source = row // area * places + place + begin
        if stride == 1:
            for o in range(first, end):
                columns[target + o] = x[source + o]
        else:
            for o in range(first, end):
                columns[target + o] = x[source + o * stride]
        for o in range(target + end, target + width):
            columns[o] = 0


@task("fffff")
def _scatter(c: int, _thread: int, columns: Array, dx: Array, _c: Array, _d: Array, _e: Array, g: Numbers) -> None:
    """Write one channel of the image."""
    places, area, outputs = _product(g, LENGTH), _product(g, KERNEL), _product(g, OUTPUTS)
    width, stride = g[6 * g[1] - 4 + OUTPUTS], g[6 * g[1] - 4 + STRIDE]
    for i in range(c * places, (c + 1) * places):
        dx[i] = 0
    for position in range(area):
        begin, first, end = _inside(g, position)
        for line in range(outputs // width):
            place = _line(g, position, line)
            if place < 0:
                continue
            source = (c * area + position) * outputs + line * width
            target = c * places + place + begin
            if stride == 1:
                for o in range(first, end):
                    dx[target + o] += columns[source + o]
            else:
                for o in range(first, end):
                    dx[target + o * stride] += columns[source + o]
