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
def _place(g: Numbers, position: int, output: int) -> int:
    """Return where in its channel a kernel position reads for an output, -1 outside; both are row-major numbers."""
    place, step = 0, 1
    for axis in range(g[1] - 1, -1, -1):
        at = 2 + 6 * axis
        k, o = position % g[at + KERNEL], output % g[at + OUTPUTS]
        i = o * g[at + STRIDE] + k * g[at + DILATION] - g[at + PAD]
        if i < 0 or i >= g[at + LENGTH]:
            return -1
        place += i * step
        step *= g[at + LENGTH]
        position //= g[at + KERNEL]
        output //= g[at + OUTPUTS]
    return place


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
    for output in range(outputs):
        place = _place(g, row % area, output)
        if place < 0:
            columns[row * outputs + output] = 0
        else:
            columns[row * outputs + output] = x[row // area * places + place]


@task("fffff")
def _scatter(c: int, _thread: int, columns: Array, dx: Array, _c: Array, _d: Array, _e: Array, g: Numbers) -> None:
    """Write one channel of the image."""
    places, area, outputs = _product(g, LENGTH), _product(g, KERNEL), _product(g, OUTPUTS)
    for i in range(c * places, (c + 1) * places):
        dx[i] = 0
    for position in range(area):
        for output in range(outputs):
            place = _place(g, position, output)
            if place >= 0:
                dx[c * places + place] += columns[(c * area + position) * outputs + output]
