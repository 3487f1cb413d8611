"""Pooling over windows of planes.

Index letters: plane (image and channel), (oh, ow) output, (h, w) place in a plane. Arrays are flat; `g` is the int64
vector (height, width, output height, output width, kernel h, w, stride h, w, pad h, w). Parallel over planes, which
share nothing. Cost: one comparison or addition for each place of each window.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pycaffelite.kernels._jit import Array, kernel
from pycaffelite.kernels.quads import (
    max_quads1,
    max_quads4,
    max_quads8,
    spread_quads1,
    spread_quads4,
    spread_quads8,
)
from pycaffelite.kernels.tasks import run, task

Numbers = npt.NDArray[np.int64]

HEIGHT, WIDTH, OUT_H, OUT_W, KERNEL_H, KERNEL_W, STRIDE_H, STRIDE_W, PAD_H, PAD_W = range(10)


def max_forward(x: Array, y: Array, places: Array, g: Numbers) -> None:
    """Write the maximum of each window and its place in the plane, the first in row-major order where it is tied.

    `places` has the float type of x; its bits hold integers of the same width.
    """
    run(_max_of_quads if _has_quads(g) else _max_of_windows, planes(x, g), (x, y, places), g)


def max_backward(dy: Array, places: Array, dx: Array, g: Numbers) -> None:
    """Overwrite dx: each output's gradient goes to the place it came from, whichever way that was chosen."""
    run(_spread_to_quads if _has_quads(g) else _to_places, planes(dx, g), (dy, places, dx), g)


def _has_quads(g: Numbers) -> bool:
    """Return whether the windows are 2 x 2 and cover every place once."""
    lengths = [int(number) for number in g]
    return lengths == [2 * lengths[OUT_H], 2 * lengths[OUT_W], lengths[OUT_H], lengths[OUT_W], 2, 2, 2, 2, 0, 0]


def copy_places(places: Array, mask: Array, g: Numbers) -> None:
    """Write places as numbers of the float type, the form in which Caffe shows them."""
    run(_copy_places, mask.size // max(1, int(g[OUT_H] * g[OUT_W])), (places, mask), g)


def average_forward(x: Array, y: Array, g: Numbers) -> None:
    """Write the mean of each window, with zeros for padding."""
    run(_average, planes(x, g), (x, y), g)


def average_backward(dy: Array, dx: Array, g: Numbers) -> None:
    """Overwrite dx: each output's gradient is shared among its window."""
    run(_share, planes(dx, g), (dy, dx), g)


def planes(x: Array, g: Numbers) -> int:
    """Return how many planes x has."""
    return x.size // int(g[HEIGHT] * g[WIDTH])


@kernel()
def window(o: int, size: int, stride: int, pad: int, length: int) -> tuple[int, int]:
    """Return from where to where window o reaches along one axis, within the plane."""
    begin = o * stride - pad
    return max(0, begin), min(length, begin + size)


@task("ffiff")
def _max_of_quads(
    plane: int, _thread: int, x: Array, y: Array, places: Array, _d: Array, _e: Array, g: Numbers
) -> None:
    """Pool one plane 2 x 2 without overlap or border; the last windows of a line may be done twice."""
    columns = g[OUT_W]
    width = 2 * columns
    for oh in range(g[OUT_H]):
        line = plane * g[OUT_H] + oh
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
def _spread_to_quads(
    plane: int, _thread: int, dy: Array, places: Array, dx: Array, _d: Array, _e: Array, g: Numbers
) -> None:
    """Overwrite one plane of dx for windows as in `_max_of_quads`."""
    columns = g[OUT_W]
    width = 2 * columns
    for oh in range(g[OUT_H]):
        line = plane * g[OUT_H] + oh
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


@task("ffiff")
def _max_of_windows(
    plane: int, _thread: int, x: Array, y: Array, places: Array, _d: Array, _e: Array, g: Numbers
) -> None:
    """Pool windows of any kind; padding never wins."""
    base = plane * g[HEIGHT] * g[WIDTH]
    target = plane * g[OUT_H] * g[OUT_W]
    for oh in range(g[OUT_H]):
        h0, h1 = window(oh, g[KERNEL_H], g[STRIDE_H], g[PAD_H], g[HEIGHT])
        for ow in range(g[OUT_W]):
            w0, w1 = window(ow, g[KERNEL_W], g[STRIDE_W], g[PAD_W], g[WIDTH])
            place = h0 * g[WIDTH] + w0
            most = x[base + place]
            for h in range(h0, h1):
                for w in range(w0, w1):
                    value = x[base + h * g[WIDTH] + w]
                    if value > most:
                        most = value
                        place = h * g[WIDTH] + w
            y[target] = most
            places[target] = place
            target += 1


@task("fifff")
def _to_places(plane: int, _thread: int, dy: Array, places: Array, dx: Array, _d: Array, _e: Array, g: Numbers) -> None:
    """Clear a plane of dx and add each output's gradient at its place."""
    outputs, area = g[OUT_H] * g[OUT_W], g[HEIGHT] * g[WIDTH]
    for i in range(plane * area, (plane + 1) * area):
        dx[i] = 0
    for i in range(plane * outputs, (plane + 1) * outputs):
        dx[plane * area + places[i]] += dy[i]


@task("iffff")
def _copy_places(
    plane: int, _thread: int, places: Array, mask: Array, _c: Array, _d: Array, _e: Array, g: Numbers
) -> None:
    """Convert the places of one plane."""
    for i in range(plane * g[OUT_H] * g[OUT_W], (plane + 1) * g[OUT_H] * g[OUT_W]):
        mask[i] = places[i]


@kernel()
def _divisor(oh: int, ow: int, g: Numbers) -> int:
    """Return how many places a window counts: padding included, but not beyond it."""
    h, w = oh * g[STRIDE_H] - g[PAD_H], ow * g[STRIDE_W] - g[PAD_W]
    height, width = min(h + g[KERNEL_H], g[HEIGHT] + g[PAD_H]) - h, min(w + g[KERNEL_W], g[WIDTH] + g[PAD_W]) - w
    return int(height * width)


@task("fffff")
def _average(plane: int, _thread: int, x: Array, y: Array, _c: Array, _d: Array, _e: Array, g: Numbers) -> None:
    """Write the means of one plane."""
    base = plane * g[HEIGHT] * g[WIDTH]
    target = plane * g[OUT_H] * g[OUT_W]
    for oh in range(g[OUT_H]):
        h0, h1 = window(oh, g[KERNEL_H], g[STRIDE_H], g[PAD_H], g[HEIGHT])
        for ow in range(g[OUT_W]):
            w0, w1 = window(ow, g[KERNEL_W], g[STRIDE_W], g[PAD_W], g[WIDTH])
            y[target] = 0
            for h in range(h0, h1):
                for w in range(w0, w1):
                    y[target] += x[base + h * g[WIDTH] + w]
            y[target] /= _divisor(oh, ow, g)
            target += 1


@task("fffff")
def _share(plane: int, _thread: int, dy: Array, dx: Array, _c: Array, _d: Array, _e: Array, g: Numbers) -> None:
    """Write the gradient of one plane from those of its means."""
    base = plane * g[HEIGHT] * g[WIDTH]
    source = plane * g[OUT_H] * g[OUT_W]
    for i in range(base, base + g[HEIGHT] * g[WIDTH]):
        dx[i] = 0
    for oh in range(g[OUT_H]):
        h0, h1 = window(oh, g[KERNEL_H], g[STRIDE_H], g[PAD_H], g[HEIGHT])
        for ow in range(g[OUT_W]):
            w0, w1 = window(ow, g[KERNEL_W], g[STRIDE_W], g[PAD_W], g[WIDTH])
            part = dy[source] / _divisor(oh, ow, g)
            source += 1
            for h in range(h0, h1):
                for w in range(w0, w1):
                    dx[base + h * g[WIDTH] + w] += part
