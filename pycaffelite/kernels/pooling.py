"""Pooling over windows of planes.

Index letters: plane (image and channel), (oh, ow) output, (h, w) place in a plane. Arrays are flat; `g` is the int64
vector (height, width, output height, output width, kernel h, w, stride h, w, pad h, w). Parallel over planes, which
share nothing. Cost: one comparison or addition for each place of each window, for several windows at once where they
are one or two places apart.
"""

from __future__ import annotations

import math
from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pycaffelite.kernels._jit import Array, kernel
from pycaffelite.kernels.microkernel import VECTOR_BYTES
from pycaffelite.kernels.pooling_quads import argmax_of_quads, spread_to_quads
from pycaffelite.kernels.pooling_strips import (
    argmax_of_strips,
    max_of_strips,
    mean_of_strips,
    share_in_strips,
    spread_in_strips,
    spread_past,
)
from pycaffelite.kernels.strips import WIDE
from pycaffelite.kernels.tasks import run, task
from pycaffelite.kernels.window_lanes import (
    LANES,
    add_parts_1,
    add_parts_2,
    argmax_1,
    argmax_1_of_3,
    argmax_2,
    argmax_2_of_3,
    max_1,
    max_1_of_3,
    max_2,
    max_2_of_3,
    mean_1,
    mean_1_of_3,
    mean_2,
    mean_2_of_3,
    spread_1,
    spread_2,
)
from pycaffelite.kernels.workspace import most_threads, padded_stride, workspace

Numbers = npt.NDArray[np.int64]

HEIGHT, WIDTH, OUT_H, OUT_W, KERNEL_H, KERNEL_W, STRIDE_H, STRIDE_W, PAD_H, PAD_W = range(10)
_OTHERS, _QUADS, _STRIPS = range(3)  # windows: of any kind, 2 x 2 side by side, 3 x 3 two places apart
_LARGE = 8 << 20  # bytes of dx that have left the caches by the time they are read
_LINE = 64  # bytes
_SCRATCH = 10  # in `average_backward`: the length of each thread's scratch memory


def max_forward(x: Array, y: Array, places: Array, g: Numbers) -> None:
    """Write the maximum of each window and its place in the plane, the first in row-major order where it is tied.

    NaN never wins; the maximum of nothing else is -inf, at the first place.

    `places` has the float type of x; its bits hold integers of the same width.
    """
    windows = _windows(g.tobytes())
    work = (_argmax_of_windows, argmax_of_quads, argmax_of_strips)[windows.kind]
    run(work, x.size // windows.plane, (x, y, places), g)


def max_without_places(x: Array, y: Array, g: Numbers) -> None:
    """Write the maximum of each window."""
    windows = _windows(g.tobytes())
    run(max_of_strips if windows.kind == _STRIPS else _max_of_windows, x.size // windows.plane, (x, y), g)


def max_backward(dy: Array, places: Array, dx: Array, g: Numbers) -> None:
    """Overwrite dx: each output's gradient goes to the place it came from, whichever way that was chosen."""
    windows = _windows(g.tobytes())
    work = spread_to_quads if windows.kind == _QUADS else _to_places
    if windows.fills_strips:
        work = spread_past if dx.nbytes >= _LARGE and dx.ctypes.data % _LINE == 0 else spread_in_strips
    run(work, dx.size // windows.plane, (dy, places, dx), g)


def has_quads(g: Numbers) -> bool:
    """Return whether the windows are 2 x 2 and cover every place once."""
    return _windows(g.tobytes()).kind == _QUADS


def copy_places(places: Array, mask: Array, g: Numbers) -> None:
    """Write places as numbers of the float type, the form in which Caffe shows them."""
    run(_copy_places, mask.size // max(1, int(g[OUT_H] * g[OUT_W])), (places, mask), g)


def average_forward(x: Array, y: Array, g: Numbers) -> None:
    """Write the mean of each window, with zeros for padding."""
    windows = _windows(g.tobytes())
    work = _average_of_all if windows.is_whole else mean_of_strips if windows.kind == _STRIPS else _average
    run(work, x.size // windows.plane, (x, y), g)


def average_backward(dy: Array, dx: Array, g: Numbers) -> None:
    """Overwrite dx: each output's gradient is shared among its window."""
    windows = _windows(g.tobytes())
    if windows.is_whole or windows.kind == _STRIPS:
        run(_spread_evenly if windows.is_whole else share_in_strips, dx.size // windows.plane, (dy, dx), g)
        return
    width, out_w, size_w, stride_w, pad_w = (int(g[i]) for i in (WIDTH, OUT_W, KERNEL_W, STRIDE_W, PAD_W))
    if stride_w > 2:
        run(_share_apart, planes(dx, g), (dy, dx), g)
        return
    # A line of outputs, with zeros before it for the windows that are not there, and behind it as far as dx reaches.
    length = padded_stride(size_w + max(out_w, (width + pad_w) // stride_w + 1) + LANES, dx.dtype)
    lines = workspace(dx.dtype, most_threads() * length)
    run(_share, planes(dx, g), (dy, dx, lines), np.append(g, length))


def planes(x: Array, g: Numbers) -> int:
    """Return how many planes x has."""
    return x.size // _windows(g.tobytes()).plane


class _Windows(NamedTuple):
    """What a geometry means.

    Attributes:
        kind: Of the windows.
        is_whole: Whether there is one window, which is the plane.
        plane: How many places a plane has.
        fills_strips: Whether lines are whole strips of quick vectors: else going from place to place is quicker.
    """

    kind: int
    is_whole: bool
    plane: int
    fills_strips: bool


@cache
def _windows(geometry: bytes) -> _Windows:
    """Return what a geometry means; kept, as single numbers of an array take Python longer than to start a kernel."""
    height, width, *rest = lengths = np.frombuffer(geometry, np.int64).tolist()
    quads = lengths == [2 * lengths[OUT_H], 2 * lengths[OUT_W], lengths[OUT_H], lengths[OUT_W], 2, 2, 2, 2, 0, 0]
    strips = rest[2:] == [3, 3, 2, 2, 0, 0] and 2 * rest[0] <= height + 1 and 2 * rest[1] <= width + 1
    kind = _QUADS if quads else _STRIPS if strips else _OTHERS
    one = rest[:4] == [1, 1, height, width] and rest[6:] == [0, 0]
    fills_strips = strips and VECTOR_BYTES >= 32 and width % (2 * WIDE) == 0
    return _Windows(kind, one, height * width, fills_strips)


@kernel()
def window(o: int, size: int, stride: int, pad: int, length: int) -> tuple[int, int]:
    """Return from where to where window o reaches along one axis, within the plane."""
    begin = o * stride - pad
    return max(0, begin), min(length, begin + size)


@kernel(inner=True)
def _place_of_max(x: Array, base: int, h0: int, h1: int, ow: int, g: Numbers) -> int:
    """Return the place of the first maximum of one window; padding never wins."""
    w0, w1 = window(ow, g[KERNEL_W], g[STRIDE_W], g[PAD_W], g[WIDTH])
    place = h0 * g[WIDTH] + w0
    most = x[base + place]
    for h in range(h0, h1):
        for w in range(w0, w1):
            value = x[base + h * g[WIDTH] + w]
            if value > most or (math.isnan(most) and not math.isnan(value)):
                most = value
                place = h * g[WIDTH] + w
    return int(place)


@task("fffff")
def _max_of_windows(plane: int, _thread: int, x: Array, y: Array, _c: Array, _d: Array, _e: Array, g: Numbers) -> None:
    """Pool windows of any kind."""
    row, size, stride = g[WIDTH], g[KERNEL_W], g[STRIDE_W]
    base = plane * g[HEIGHT] * row
    for oh in range(g[OUT_H]):
        h0, h1 = window(oh, g[KERNEL_H], g[STRIDE_H], g[PAD_H], g[HEIGHT])
        target = (plane * g[OUT_H] + oh) * g[OUT_W]
        at, high = base + h0 * row, h1 - h0
        for ow in range(0, g[OUT_W] if stride <= 2 else 0, LANES):
            first, to, left = ow * stride - g[PAD_W], target + ow, g[OUT_W] - ow
            if stride == 1 and size == 3:
                max_1_of_3(x, at, row, high, size, first, row, y, to, left)
            elif stride == 1:
                max_1(x, at, row, high, size, first, row, y, to, left)
            elif size == 3:
                max_2_of_3(x, at, row, high, size, first, row, y, to, left)
            else:
                max_2(x, at, row, high, size, first, row, y, to, left)
        for ow in range(g[OUT_W] if stride > 2 else 0):
            value = x[base + _place_of_max(x, base, h0, h1, ow, g)]
            y[target + ow] = -np.inf if math.isnan(value) else value


@task("ffiff")
def _argmax_of_windows(
    plane: int, _thread: int, x: Array, y: Array, places: Array, _d: Array, _e: Array, g: Numbers
) -> None:
    """Do what `_max_of_windows` does, and note the places."""
    row, size, stride = g[WIDTH], g[KERNEL_W], g[STRIDE_W]
    base = plane * g[HEIGHT] * row
    for oh in range(g[OUT_H]):
        h0, h1 = window(oh, g[KERNEL_H], g[STRIDE_H], g[PAD_H], g[HEIGHT])
        target = (plane * g[OUT_H] + oh) * g[OUT_W]
        at, high = base + h0 * row, h1 - h0
        for ow in range(0, g[OUT_W] if stride <= 2 else 0, LANES):
            first, to, left = ow * stride - g[PAD_W], target + ow, g[OUT_W] - ow
            if stride == 1 and size == 3:
                argmax_1_of_3(x, at, row, high, size, first, row, y, to, left, places, h0 * row)
            elif stride == 1:
                argmax_1(x, at, row, high, size, first, row, y, to, left, places, h0 * row)
            elif size == 3:
                argmax_2_of_3(x, at, row, high, size, first, row, y, to, left, places, h0 * row)
            else:
                argmax_2(x, at, row, high, size, first, row, y, to, left, places, h0 * row)
        for ow in range(g[OUT_W] if stride > 2 else 0):
            place = _place_of_max(x, base, h0, h1, ow, g)
            value = x[base + place]
            y[target + ow] = -np.inf if math.isnan(value) else value
            places[target + ow] = place


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


@kernel(inner=True)
def _divisor(oh: int, ow: int, g: Numbers) -> int:
    """Return how many places a window counts: padding included, but not beyond it."""
    h, w = oh * g[STRIDE_H] - g[PAD_H], ow * g[STRIDE_W] - g[PAD_W]
    height, width = min(h + g[KERNEL_H], g[HEIGHT] + g[PAD_H]) - h, min(w + g[KERNEL_W], g[WIDTH] + g[PAD_W]) - w
    return int(height * width)


@task("fffff")
def _average(plane: int, _thread: int, x: Array, y: Array, _c: Array, _d: Array, _e: Array, g: Numbers) -> None:
    """Write the means of one plane."""
    row, size, stride = g[WIDTH], g[KERNEL_W], g[STRIDE_W]
    base = plane * g[HEIGHT] * row
    for oh in range(g[OUT_H]):
        h0, h1 = window(oh, g[KERNEL_H], g[STRIDE_H], g[PAD_H], g[HEIGHT])
        target = (plane * g[OUT_H] + oh) * g[OUT_W]
        at, high = base + h0 * row, h1 - h0
        counted = min(g[KERNEL_H], g[HEIGHT] + 2 * g[PAD_H] - oh * g[STRIDE_H])
        for ow in range(0, g[OUT_W] if stride <= 2 else 0, LANES):
            first, to, left = ow * stride - g[PAD_W], target + ow, g[OUT_W] - ow
            if stride == 1 and size == 3:
                mean_1_of_3(x, at, row, high, size, first, row, y, to, left, counted, row + g[PAD_W])
            elif stride == 1:
                mean_1(x, at, row, high, size, first, row, y, to, left, counted, row + g[PAD_W])
            elif size == 3:
                mean_2_of_3(x, at, row, high, size, first, row, y, to, left, counted, row + g[PAD_W])
            else:
                mean_2(x, at, row, high, size, first, row, y, to, left, counted, row + g[PAD_W])
        for ow in range(g[OUT_W] if stride > 2 else 0):
            w0, w1 = window(ow, size, stride, g[PAD_W], row)
            total = x[at + w0]
            for w in range(w0 + 1, w1):
                total += x[at + w]
            for h in range(h0 + 1, h1):
                for w in range(w0, w1):
                    total += x[base + h * row + w]
            y[target + ow] = total / _divisor(oh, ow, g)


@task("fffff")
def _average_of_all(plane: int, _thread: int, x: Array, y: Array, _c: Array, _d: Array, _e: Array, g: Numbers) -> None:
    """Write the mean of one plane."""
    area = g[HEIGHT] * g[WIDTH]
    total = x[plane * area]
    for i in range(plane * area + 1, (plane + 1) * area):
        total += x[i]
    y[plane] = total / area


@task("fffff")
def _spread_evenly(plane: int, _thread: int, dy: Array, dx: Array, _c: Array, _d: Array, _e: Array, g: Numbers) -> None:
    """Write the gradient of one plane whose mean is its only output."""
    area = g[HEIGHT] * g[WIDTH]
    part = dy[plane] / area
    for i in range(plane * area, (plane + 1) * area):
        dx[i] = part


@task("fffff")
def _share(plane: int, thread: int, dy: Array, dx: Array, lines: Array, _d: Array, _e: Array, g: Numbers) -> None:
    """Write the gradient of one plane from those of its means.

    For each line of dx first the sum over the windows above and below, then the one over those to the left and right.
    """
    size, stride, pad, row = g[KERNEL_W], g[STRIDE_W], g[PAD_W], g[WIDTH]
    start = thread * g[_SCRATCH] + size
    for i in range(thread * g[_SCRATCH], (thread + 1) * g[_SCRATCH]):
        lines[i] = 0
    for h in range(g[HEIGHT]):
        for i in range(g[OUT_W]):
            lines[start + i] = 0
        least = max(0, h + g[PAD_H] - g[KERNEL_H] + g[STRIDE_H]) // g[STRIDE_H]
        for oh in range(least, min(g[OUT_H], (h + g[PAD_H]) // g[STRIDE_H] + 1)):
            source = (plane * g[OUT_H] + oh) * g[OUT_W]
            high = min(g[KERNEL_H], g[HEIGHT] + 2 * g[PAD_H] - oh * g[STRIDE_H])
            for ow in range(0, g[OUT_W], LANES):
                if stride == 1:
                    add_parts_1(dy, source + ow, g[OUT_W] - ow, size, ow - pad, high, row + pad, lines, start + ow)
                else:
                    add_parts_2(dy, source + ow, g[OUT_W] - ow, size, 2 * ow - pad, high, row + pad, lines, start + ow)
        line = (plane * g[HEIGHT] + h) * row
        for j in range(0, (row + pad + stride - 1) // stride, LANES):
            if stride == 1:
                spread_1(lines, start + j, size, dx, line, j - pad, row)
            else:
                spread_2(lines, start + j, size, dx, line, 2 * j - pad, row)


@task("fffff")
def _share_apart(plane: int, _thread: int, dy: Array, dx: Array, _c: Array, _d: Array, _e: Array, g: Numbers) -> None:
    """Do what `_share` does, for windows that are further apart."""
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
