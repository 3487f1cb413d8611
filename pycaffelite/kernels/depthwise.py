"""Depthwise convolution: every output channel sees one input channel, so there is no product of matrices to speak of.

Index letters as in `convolution`; here o = (c, m), where m counts the filters of an input channel.

    y[n, o, p] = act(scale[o] (sum over (i, j) of w[o, i, j] x[n, c, pixel of p under (i, j)]) + shift[o])

Bound by memory: each plane is copied row by row into a *frame* of zeros that stays in the first two caches, and read
from there by code with all taps unrolled (`depthwise_tile`). The data gradient is the same sum, over the planes of dy
with zeros between the pixels where the stride is more than 1, and the kernel turned round. Parallel over planes for y
and dx and over output channels for dw, which share nothing: the bits do not depend on the number of threads.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from pycaffelite.kernels._jit import Array, kernel
from pycaffelite.kernels.convolution_plan import Geometry
from pycaffelite.kernels.depthwise_tile import (
    MOST_TAPS,
    ROWS,
    add_products,
    correlate_rows,
    lanes_of,
    rows_kernel,
    sums_kernel,
)
from pycaffelite.kernels.ending import write_ending
from pycaffelite.kernels.frame import FRAME_NUMBERS, FRAME_ROW, HEIGHT, RUN, WIDTH, Numbers, frame_numbers, frame_row
from pycaffelite.kernels.tasks import run, task
from pycaffelite.kernels.vectors import SPLIT
from pycaffelite.kernels.workspace import most_threads, workspace

# Behind the numbers of the frame, those of the planes that are written; how many planes an image has before and after,
# how many of the former add up to one of the latter and how many of the latter share one of the former; rows of the
# frame from one row of these to the next.
OUT_H, OUT_W, PLANES_IN, PLANES_OUT, FAN, SHARED, STEP = range(FRAME_NUMBERS, FRAME_NUMBERS + 7)
# The kernel's taps and how far down in the frame they reach; the code; elements of scratch a thread owns, and where in
# them strips that are not stored as they are begin, or the frame of dy; numbers in a vector; planes a task; where a
# row's last strip begins; from TABLE on the length of a row of the frame, and where in it the kernel's columns are.
TAPS, REACH, ADDRESS, SCRATCH, EDGE, IMAGES, LANES, TOGETHER, LAST_STRIP, TABLE = range(STEP + 1, STEP + 11)

_TASKS = 64  # tasks to aim for where planes are small, so that many cores find work
_MOST_FILTERS = 4  # of an input channel, beyond which a product of matrices is faster


def suits(geometry: Geometry, _dtype: np.dtype[Any]) -> bool:
    """Return whether this module is the one for a geometry, of whatever float type."""
    filters = geometry.outputs // geometry.groups
    taps = geometry.kernel[0] * geometry.kernel[1]
    return geometry.groups == geometry.channels > 1 and filters <= _MOST_FILTERS and 1 < taps <= MOST_TAPS


class Plan:
    """The numbers of the three sums of one geometry and float type; code is compiled for those that are wanted."""

    def __init__(self, geometry: Geometry, dtype: npt.DTypeLike) -> None:
        self.geometry = geometry
        self.dtype = np.dtype(dtype)
        filters = geometry.outputs // geometry.groups
        self.ending = np.zeros((geometry.outputs, 3), dtype)  # scale, shift, slope
        self.plain = np.tile(np.array([1, 0, 1], dtype), (geometry.channels, 1))
        self.turned = np.zeros((geometry.outputs, geometry.kernel[0] * geometry.kernel[1]), dtype)
        self._fan = [geometry.channels, geometry.outputs, 1, filters]

    @cached_property
    def forward(self) -> Numbers:
        """Return the numbers of y."""
        return _numbers(self.geometry, self.dtype, self.geometry.pad, (1, 1), self._fan)

    @cached_property
    def data(self) -> Numbers:
        """Return the numbers of dx: frames of dy, kernels turned round, a stride of 1."""
        own = self.geometry
        pads = tuple(d * (k - 1) - p for d, k, p in zip(own.dilation, own.kernel, own.pad, strict=True))
        height, width = own.output_size
        turned = replace(own, height=height, width=width, stride=(1, 1))
        fan = [own.outputs, own.channels, own.outputs // own.groups, 1]
        return _numbers(turned, self.dtype, (pads[0], pads[1]), own.stride, fan, (own.height, own.width))

    @cached_property
    def weights(self) -> Numbers:
        """Return the numbers of dw and dbias."""
        return _numbers(self.geometry, self.dtype, self.geometry.pad, (1, 1), self._fan, sums=True)


def _numbers(
    geometry: Geometry,
    dtype: np.dtype[Any],
    pad: tuple[int, int],
    apart: tuple[int, int],
    fan: list[int],
    out: tuple[int, int] | None = None,
    sums: bool = False,
) -> Numbers:
    """Return what describes one sum: see the names of the places."""
    height, width = out or geometry.output_size
    (kernel_h, kernel_w), (step, runs), (down, right) = geometry.kernel, geometry.stride, geometry.dilation
    lanes = lanes_of(dtype.itemsize)
    reach = (kernel_h - 1) * down
    across = -(-width // lanes) * lanes
    planes = geometry.images * fan[0]
    read = across + (kernel_w - 1) * right // runs
    frame = frame_numbers((geometry.height, geometry.width), planes, pad, read, dtype, apart, runs)
    row, run_length = frame[FRAME_ROW], frame[RUN]
    rows = (-(-height // ROWS) * ROWS - 1) * step + reach + 1
    edge = rows * row + SPLIT
    behind = height * across + (kernel_h * kernel_w + 1) * lanes if sums else ROWS * lanes  # frame of dy, sums
    code = (sums_kernel if sums else rows_kernel)(dtype.itemsize, geometry.kernel, step, down)
    scratch = edge + behind
    together = max(1, min(16, geometry.images * fan[1] // _TASKS, 4096 // (height * width)))
    numbers = [*frame, height, width, *fan, step, kernel_h * kernel_w, reach, code, scratch + -scratch % lanes, edge]
    numbers += [geometry.images, lanes, together, (width - 1) // lanes * lanes, row]
    return np.array([*numbers, *[j * right % runs * run_length + j * right // runs for j in range(kernel_w)]], np.int64)


def forward(
    plan: Plan, x: Array, w: Array, shift: Array, y: Array, scale: Array | None = None, slope: float | None = None
) -> None:
    """Write y; all arrays are flat, and what ends a sum is as in `convolution.forward`."""
    _correlate_planes(plan, plan.forward, x, w, y, write_ending(plan.ending, shift, scale, slope))


def data_gradient(plan: Plan, w: Array, dy: Array, dx: Array) -> None:
    """Overwrite dx."""
    np.copyto(plan.turned, w.reshape(plan.turned.shape)[:, ::-1])
    _correlate_planes(plan, plan.data, dy, plan.turned.reshape(-1), dx, plan.plain.reshape(-1))


def _correlate_planes(plan: Plan, g: Numbers, x: Array, w: Array, y: Array, ending: Array) -> None:
    scratch = workspace(plan.dtype, int(g[SCRATCH]) * most_threads())
    tasks = -(-int(g[IMAGES] * g[PLANES_OUT]) // int(g[TOGETHER]))
    run(_correlate, tasks, (x, w, y, ending, scratch), g)


def weight_gradient(plan: Plan, x: Array, dy: Array, dw: Array, dbias: Array) -> None:
    """Add to dw and dbias, each unless it is empty."""
    g = plan.weights
    scratch = workspace(plan.dtype, int(g[SCRATCH]) * most_threads())
    targets = (
        dw if dw.size else plan.turned.reshape(-1),
        dbias if dbias.size else plan.ending.reshape(-1),
    )  # not read before written
    run(_add_gradients, int(g[PLANES_OUT]), (x, dy, *targets, scratch), g)


@task("fffff")
def _correlate(
    number: int, thread: int, x: Array, w: Array, y: Array, ending: Array, scratch: Array, g: Numbers
) -> None:
    """Write some planes, ROWS rows at a time."""
    at = thread * g[SCRATCH]
    first, last = number * g[TOGETHER], min((number + 1) * g[TOGETHER], g[IMAGES] * g[PLANES_OUT])
    end = last * g[OUT_H] * g[OUT_W]
    for plane in range(first, last):
        n, o = plane // g[PLANES_OUT], plane % g[PLANES_OUT]
        for q in range(g[FAN]):
            x_at = (n * g[PLANES_IN] + o // g[SHARED] * g[FAN] + q) * g[HEIGHT] * g[WIDTH]
            framed = 0
            for row in range(0, g[OUT_H], ROWS):
                needed = (row + ROWS - 1) * g[STEP] + g[REACH] + 1
                for h in range(framed, needed):
                    frame_row(x, x_at, h, scratch, at + h * g[FRAME_ROW], g)
                framed = needed
                target = (plane * g[OUT_H] + row) * g[OUT_W]
                if g[FAN] == 1:
                    _write_rows(o, q, row, w, y, target, end, ending, scratch, at, g)
                else:
                    _write_rows(o, q, row, w, y, target, 0, ending, scratch, at, g)


@kernel(inner=True)
def _write_rows(
    o: int, q: int, row: int, w: Array, y: Array, target: int, end: int, ending: Array, scratch: Array, at: int,
    g: Numbers,
) -> None:  # fmt: skip
    """Write some rows of a plane, strip by strip from right to left, or add to them what filter q > 0 gives.

    A strip may write past the end of its rows and of the plane: what it spoils is written after it. Only before `end`,
    behind which others write, it goes to scratch memory first.
    """
    lanes, width = g[LANES], g[OUT_W]
    rows, edge = min(ROWS, g[OUT_H] - row), at + g[EDGE]
    w_at = (o * g[FAN] + q) * g[TAPS]
    x_at = at + row * g[STEP] * g[TABLE]
    for column in range(g[LAST_STRIP], -1, -lanes):
        place = target + column
        if place + (ROWS - 1) * width + lanes <= end:  # then so are all strips left of it
            correlate_rows(g[ADDRESS], scratch, x_at, g, TABLE, w, w_at, y, target, width, ending, 3 * o, column)
            return
        correlate_rows(g[ADDRESS], scratch, x_at + column, g, TABLE, w, w_at, scratch, edge, lanes, ending, 3 * o, 0)
        for i in range(rows):
            for j in range(min(lanes, width - column)):
                value = scratch[edge + i * lanes + j]
                if q > 0:
                    value += y[place + i * width + j]
                y[place + i * width + j] = value


@task("fffff")
def _add_gradients(
    o: int, thread: int, x: Array, dy: Array, dw: Array, dbias: Array, scratch: Array, g: Numbers
) -> None:
    """Add to the gradients of one output channel, over all images."""
    at, lanes, taps, pixels = thread * g[SCRATCH], g[LANES], g[TAPS], g[OUT_H] * g[OUT_W]
    across = -(-g[OUT_W] // lanes) * lanes
    dy_at = at + g[EDGE]
    sums = dy_at + g[OUT_H] * across
    for i in range(dy_at, sums + (taps + 1) * lanes):
        scratch[i] = 0
    for n in range(g[IMAGES]):
        x_at = (n * g[PLANES_IN] + o // g[SHARED]) * g[HEIGHT] * g[WIDTH]
        for h in range((g[OUT_H] - 1) * g[STEP] + g[REACH] + 1):
            frame_row(x, x_at, h, scratch, at + h * g[FRAME_ROW], g)
        source = (n * g[PLANES_OUT] + o) * pixels
        for i in range(g[OUT_H]):
            for j in range(g[OUT_W]):
                scratch[dy_at + i * across + j] = dy[source + i * g[OUT_W] + j]
        add_products(g[ADDRESS], scratch, at, g, TABLE, scratch, dy_at, across,
                     g[OUT_H], g[OUT_W], scratch, sums)  # fmt: skip
    for i in range(lanes):
        for tap in range(taps):
            dw[o * taps + tap] += scratch[sums + tap * lanes + i]
        dbias[o] += scratch[sums + taps * lanes + i]
