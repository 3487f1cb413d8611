"""Pooling over windows of volumes: planes one after the other, as the frames of a video.

Index letters: volume (image and channel), (od, oh, ow) output, (d, h, w) place in a volume. Arrays are flat; `g` is an
int64 vector with the lengths of a volume, of its outputs, of a window, its strides and its pads, three numbers each.
Parallel over volumes, which share nothing. Cost: one comparison or addition for each place of each window.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from pycaffelite.kernels._jit import Array, kernel
from pycaffelite.kernels.tasks import run, task

Numbers = npt.NDArray[np.int64]

DEPTH, HEIGHT, WIDTH, OUT_D, OUT_H, OUT_W = range(6)
_KERNEL, _STRIDE, _PAD = 6, 9, 12  # of the first axis


def max_forward(x: Array, y: Array, places: Array, g: Numbers) -> None:
    """Write the maximum of each window and its place in the volume, the first in row-major order where it is tied.

    NaN never wins; the maximum of nothing else is -inf. `places` has the float type of x; its bits hold integers of the
    same width.
    """
    run(_max, _volumes(x, g), (x, y, places), g)


def max_backward(dy: Array, places: Array, dx: Array, g: Numbers) -> None:
    """Overwrite dx: each output's gradient goes to the place it came from."""
    run(_to_places, _volumes(dx, g), (dy, places, dx), g)


def average_forward(x: Array, y: Array, g: Numbers) -> None:
    """Write the mean of each window, with zeros for padding."""
    run(_average, _volumes(x, g), (x, y), g)


def average_backward(dy: Array, dx: Array, g: Numbers) -> None:
    """Overwrite dx: each output's gradient is shared among its window."""
    run(_share, _volumes(dx, g), (dy, dx), g)


def _volumes(x: Array, g: Numbers) -> int:
    return x.size // int(g[DEPTH] * g[HEIGHT] * g[WIDTH])


@kernel(inner=True)
def _window(g: Numbers, axis: int, o: int) -> tuple[int, int, int]:
    """Return from where to where window o reaches along an axis, within it, and how many places it counts."""
    begin = o * g[_STRIDE + axis] - g[_PAD + axis]
    counted = min(begin + g[_KERNEL + axis], g[axis] + g[_PAD + axis]) - begin
    return max(0, begin), min(g[axis], begin + g[_KERNEL + axis]), counted


@task("ffiff")
def _max(volume: int, _thread: int, x: Array, y: Array, places: Array, _d: Array, _e: Array, g: Numbers) -> None:
    base = volume * g[DEPTH] * g[HEIGHT] * g[WIDTH]
    target = volume * g[OUT_D] * g[OUT_H] * g[OUT_W]
    for od in range(g[OUT_D]):
        d0, d1, _ = _window(g, 0, od)
        for oh in range(g[OUT_H]):
            h0, h1, _ = _window(g, 1, oh)
            for ow in range(g[OUT_W]):
                w0, w1, _ = _window(g, 2, ow)
                place = (d0 * g[HEIGHT] + h0) * g[WIDTH] + w0
                most = x[base + place]
                for d in range(d0, d1):
                    for h in range(h0, h1):
                        line = (d * g[HEIGHT] + h) * g[WIDTH]
                        for w in range(w0, w1):
                            value = x[base + line + w]
                            if value > most or (math.isnan(most) and not math.isnan(value)):
                                most = value
                                place = line + w
                y[target] = -np.inf if math.isnan(most) else most
                places[target] = place
                target += 1


@task("fifff")
def _to_places(
    volume: int, _thread: int, dy: Array, places: Array, dx: Array, _d: Array, _e: Array, g: Numbers
) -> None:
    base, size = volume * g[DEPTH] * g[HEIGHT] * g[WIDTH], g[DEPTH] * g[HEIGHT] * g[WIDTH]
    outputs = g[OUT_D] * g[OUT_H] * g[OUT_W]
    for i in range(base, base + size):
        dx[i] = 0
    for i in range(volume * outputs, (volume + 1) * outputs):
        dx[base + places[i]] += dy[i]


@task("fffff")
def _average(volume: int, _thread: int, x: Array, y: Array, _c: Array, _d: Array, _e: Array, g: Numbers) -> None:
    base = volume * g[DEPTH] * g[HEIGHT] * g[WIDTH]
    target = volume * g[OUT_D] * g[OUT_H] * g[OUT_W]
    for od in range(g[OUT_D]):
        d0, d1, deep = _window(g, 0, od)
        for oh in range(g[OUT_H]):
            h0, h1, high = _window(g, 1, oh)
            for ow in range(g[OUT_W]):
                w0, w1, wide = _window(g, 2, ow)
                total = 0.0
                for d in range(d0, d1):
                    for h in range(h0, h1):
                        line = base + (d * g[HEIGHT] + h) * g[WIDTH]
                        for w in range(w0, w1):
                            total += x[line + w]
                y[target] = total / (deep * high * wide)
                target += 1


@task("fffff")
def _share(volume: int, _thread: int, dy: Array, dx: Array, _c: Array, _d: Array, _e: Array, g: Numbers) -> None:
    base = volume * g[DEPTH] * g[HEIGHT] * g[WIDTH]
    source = volume * g[OUT_D] * g[OUT_H] * g[OUT_W]
    for i in range(base, base + g[DEPTH] * g[HEIGHT] * g[WIDTH]):
        dx[i] = 0
    for od in range(g[OUT_D]):
        d0, d1, deep = _window(g, 0, od)
        for oh in range(g[OUT_H]):
            h0, h1, high = _window(g, 1, oh)
            for ow in range(g[OUT_W]):
                w0, w1, wide = _window(g, 2, ow)
                part = dy[source] / (deep * high * wide)
                source += 1
                for d in range(d0, d1):
                    for h in range(h0, h1):
                        line = base + (d * g[HEIGHT] + h) * g[WIDTH]
                        for w in range(w0, w1):
                            dx[line + w] += part
