"""Winograd's convolution F(4 x 4, 3 x 3): a quarter of the multiplications of a 3 x 3 convolution of stride 1.

Index letters as in `convolution`; t one of 36 places in a tile of 6 x 6 pixels, j a tile. The output is cut into tiles
of 4 x 4; `winograd_transform` says what U and V are.

    y[tile j of o] = act(scale[o] (transform over t of the sum over c of U[t, o, c] V[t, c, j]) + shift[o])

The 36 products are done by the micro-kernel, and what it writes is transformed back while it is hot. Of U and V one
comes in blocks that a task makes for itself, in its thread's cache: for images with many tiles a task is a panel of
tiles and makes its V, and U was written before for all; where tiles are few and weights many a task is a block of
outputs and makes its U, so that U never travels to memory, and V was written before. Weights are transformed anew in
each pass. Parallel over tasks, each of which sums in a fixed order: the bits do not depend on the number of threads.
In float32 only: whoever wants double wants every digit. The weight gradient is that of `winograd_tiles`, where it pays.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from pycaffelite.kernels import convolution, winograd_tiles
from pycaffelite.kernels._jit import Array, kernel
from pycaffelite.kernels.convolution_plan import Geometry
from pycaffelite.kernels.ending import write_ending
from pycaffelite.kernels.frame import FRAME_ROW, HEIGHT, WIDTH, Numbers, frame_row
from pycaffelite.kernels.microkernel import ACCUMULATE, ZERO, multiply_tile
from pycaffelite.kernels.moves import SHORT, copy8
from pycaffelite.kernels.tasks import run, task
from pycaffelite.kernels.winograd_plan import (
    ADDRESS,
    BLOCKS,
    BUFFER_AT,
    CHANNELS,
    CHUNK,
    CHUNKS,
    FRAME_AT,
    GROUP,
    GROUPS,
    HIGHER,
    HIGHER_ADDRESS,
    HIGHER_NARROW,
    LESSER,
    M_AT,
    M_PITCH,
    NARROW,
    OUT_AT,
    OUT_H,
    OUT_W,
    OUTPUTS,
    OWN_AT,
    PANEL,
    PANELS,
    PART,
    ROW,
    SCRATCH,
    SCRATCH_AT,
    SLICE,
    TILES,
    TILES_X,
    TILES_Y,
    TOGETHER,
    TURNED,
    U_PITCH,
    V_PITCH,
    W_CHANNEL,
    W_OUTPUT,
    direct_cycles,
    estimate_cycles,
    few_tiles,
    make_numbers,
)
from pycaffelite.kernels.winograd_transform import (
    LANES,
    PLANES,
    SIDE,
    STEP,
    transform_outputs,
    transform_pixels,
    transform_weights,
)
from pycaffelite.kernels.workspace import workspace

_LEAST_CHANNELS = 32  # below which the transforms cost more than they save


def suits(geometry: Geometry, dtype: np.dtype[Any]) -> bool:
    """Return whether this module is the one for a geometry and float type."""
    form = (geometry.kernel, geometry.stride, geometry.dilation)
    return (
        dtype == np.float32
        and form == ((3, 3), (1, 1), (1, 1))
        and max(geometry.pad) < 3
        and min(geometry.group()) >= _LEAST_CHANNELS
        and estimate_cycles(geometry) < direct_cycles(geometry)
    )


class Plan:
    """The numbers of the two products of one geometry, and the module and plan of the third."""

    def __init__(self, geometry: Geometry, dtype: npt.DTypeLike) -> None:
        self.geometry = geometry
        self.weights: Any = convolution
        if winograd_tiles.suits_gradient(geometry):
            self.weights = winograd_tiles
        self.weights_plan = self.weights.Plan(geometry, dtype)
        self.ending = np.zeros((geometry.outputs, 3), np.float32)  # scale, shift, slope
        self.plain = np.tile(np.array([1, 0, 1], np.float32), (geometry.channels, 1))

    @cached_property
    def forward(self) -> list[tuple[Numbers, int]]:
        """Return the numbers of y and the scratch, for each group."""
        return [make_numbers(self.geometry, False, part) for part in range(self.geometry.groups)]

    @cached_property
    def turned(self) -> Geometry:
        """Return the geometry of the convolution of dy that gives dx."""
        own = self.geometry
        height, width = own.output_size
        pad = (2 - own.pad[0], 2 - own.pad[1])
        return replace(own, height=height, width=width, channels=own.outputs, outputs=own.channels, pad=pad)

    @cached_property
    def data(self) -> list[tuple[Numbers, int]]:
        """Return the numbers of dx and the scratch, for each group."""
        return [make_numbers(self.turned, True, part) for part in range(self.geometry.groups)]


def forward(
    plan: Plan, x: Array, w: Array, shift: Array, y: Array, scale: Array | None = None, slope: float | None = None
) -> None:
    """Write y; all arrays are flat, and what ends a sum is as in `convolution.forward`."""
    _convolve(plan.geometry, plan.forward, x, w, y, write_ending(plan.ending, shift, scale, slope))


def weight_gradient(plan: Plan, x: Array, dy: Array, dw: Array, dbias: Array) -> None:
    """Add to dw and dbias, each unless it is empty."""
    plan.weights.weight_gradient(plan.weights_plan, x, dy, dw, dbias)


def data_gradient(plan: Plan, w: Array, dy: Array, dx: Array) -> None:
    """Overwrite dx."""
    _convolve(plan.turned, plan.data, dy, w, dx, plan.plain.reshape(-1))


def _convolve(
    geometry: Geometry, parts: list[tuple[Numbers, int]], x: Array, w: Array, y: Array, ending: Array
) -> None:
    few = few_tiles(geometry)
    for g, size in parts:
        scratch = workspace(np.float32, size)
        if few:
            run(_write_pixels, int(g[PANELS] * g[CHUNKS]), (x, scratch), g)
            run(_write_outputs, -(-int(g[BLOCKS]) // int(g[GROUP])), (w, y, ending, scratch), g)
        else:
            run(_write_weights, int(g[BLOCKS] * g[CHUNKS]), (w, scratch), g)
            run(_write_panel, int(g[PANELS]), (x, y, ending, scratch), g)


@task("fffff")
def _write_pixels(
    number: int, thread: int, x: Array, scratch: Array, _c: Array, _d: Array, _e: Array, g: Numbers
) -> None:
    """Write V of one panel and chunk of channels, for all tasks to come."""
    panel, first = number // g[CHUNKS], number % g[CHUNKS] * g[CHUNK]
    last, at = min(g[CHANNELS], first + g[CHUNK]), g[SCRATCH_AT] + thread * g[SCRATCH]
    _pixels(panel, first, last, x, scratch, panel * PLANES * g[V_PITCH], at, g)


@task("fffff")
def _write_weights(
    number: int, thread: int, w: Array, scratch: Array, _c: Array, _d: Array, _e: Array, g: Numbers
) -> None:
    """Write U of one row tile and chunk of channels, for all tasks to come."""
    block, first = number // g[CHUNKS], number % g[CHUNKS] * g[CHUNK]
    last, at = min(g[CHANNELS], first + g[CHUNK]), g[SCRATCH_AT] + thread * g[SCRATCH]
    _weights(block, first, last, w, scratch, block * PLANES * g[U_PITCH] + first * g[ROW], at, g)


@task("fffff")
def _write_panel(
    panel: int, thread: int, x: Array, y: Array, ending: Array, scratch: Array, _e: Array, g: Numbers
) -> None:
    """Write all outputs of one panel."""
    at = g[SCRATCH_AT] + thread * g[SCRATCH]
    v, m = at + g[OWN_AT], at + g[M_AT]
    _pixels(panel, 0, g[CHANNELS], x, scratch, v, at, g)
    for block in range(g[BLOCKS]):
        u = block * PLANES * g[U_PITCH]
        for t in range(PLANES):
            _multiply(t, block, panel, g[CHANNELS], scratch, u, v, m, ZERO, g)
        _outputs(block, panel, scratch, m, y, ending, at, g)


@task("fffff")
def _write_outputs(
    number: int, thread: int, w: Array, y: Array, ending: Array, scratch: Array, _e: Array, g: Numbers
) -> None:
    """Write all tiles of some row tiles of outputs, summing up slice by slice of channels."""
    at = g[SCRATCH_AT] + thread * g[SCRATCH]
    u, m, u_size, m_size = at + g[OWN_AT], at + g[M_AT], PLANES * g[U_PITCH], PLANES * g[M_PITCH]
    first, last = number * g[GROUP], min(g[BLOCKS], (number + 1) * g[GROUP])
    start = ZERO
    for c in range(0, g[CHANNELS], g[SLICE]):
        channels = min(g[SLICE], g[CHANNELS] - c)
        for block in range(first, last):
            _weights(block, c, c + channels, w, scratch, u + (block - first) * u_size, at, g)
        for t in range(PLANES):
            for panel in range(g[PANELS]):
                v = panel * PLANES * g[V_PITCH] + c * g[PANEL]
                for i in range(last - first):
                    place = m + (i * g[PANELS] + panel) * m_size
                    _multiply(t, first + i, panel, channels, scratch, u + i * u_size, v, place, start, g)
        start = ACCUMULATE
    for i in range(last - first):
        for panel in range(g[PANELS]):
            _outputs(first + i, panel, scratch, m + (i * g[PANELS] + panel) * m_size, y, ending, at, g)


@kernel(inner=True)
def _multiply(
    t: int, block: int, panel: int, channels: int, scratch: Array, u: int, v: int, m: int, start: int, g: Numbers
) -> None:
    """Write or add to M at one place t, for one row tile and panel."""
    if g[TILES] - panel * g[PANEL] <= LANES:
        address = g[HIGHER_NARROW] if block < g[HIGHER] else g[NARROW]
    else:
        address = g[HIGHER_ADDRESS] if block < g[HIGHER] else g[ADDRESS]
    multiply_tile(address, channels, scratch, u + t * g[U_PITCH], 1, g[ROW], scratch, v + t * g[V_PITCH], g[PANEL],
                  scratch, m + t * g[M_PITCH], g[PANEL], start, scratch, 0)  # fmt: skip


@kernel(inner=True)
def _pixels(panel: int, first: int, last: int, x: Array, scratch: Array, v: int, at: int, g: Numbers) -> None:
    """Write V of some channels of a panel: image by image, plane by plane, run by run of tiles side by side."""
    start, end = panel * g[PANEL], min(g[TILES], (panel + 1) * g[PANEL])
    image, across, row = g[TILES_X] * g[TILES_Y], g[TILES_X], g[FRAME_ROW]
    frame = at + g[FRAME_AT]
    while start < end:
        n = start // image
        stop = min(end, (n + 1) * image)
        above = (start - n * image) // across
        left = start - n * image - above * across
        rows = (stop - 1 - n * image) // across - above + 1
        for c in range(first, last):
            plane = ((n * g[GROUPS] + g[PART]) * g[CHANNELS] + c) * g[HEIGHT] * g[WIDTH]
            for h in range(STEP * rows + SIDE - STEP):
                frame_row(x, plane, STEP * above + h, scratch, frame + h * row, g)
            place = v + c * g[PANEL]
            j, source, tile = start, frame, left
            while j < stop:
                count = min(stop - j, across - tile, LANES)
                column = j % g[PANEL]
                if column + LANES <= g[PANEL]:
                    transform_pixels(scratch, source + STEP * tile, row, scratch, place + column, g[V_PITCH])
                else:
                    transform_pixels(scratch, source + STEP * tile, row, scratch, at + g[BUFFER_AT], LANES)
                    _copy_columns(scratch, at + g[BUFFER_AT], place + column, g[V_PITCH], count)
                j += count
                tile += count
                if tile == across:
                    tile = 0
                    source += STEP * row
        start = stop


@kernel(inner=True)
def _copy_columns(scratch: Array, source: int, target: int, pitch: int, count: int) -> None:
    """Copy the first columns of transformed tiles, where the rest would be written past the panel."""
    for t in range(PLANES):
        for i in range(count):
            scratch[target + t * pitch + i] = scratch[source + t * LANES + i]


@kernel(inner=True)
def _weights(block: int, first: int, last: int, w: Array, scratch: Array, u: int, at: int, g: Numbers) -> None:
    """Write U of some channels of a row tile; a few kernels are collected before any is read again."""
    output = block * g[LESSER] + min(block, g[HIGHER])
    height = g[LESSER] + (block < g[HIGHER])
    buffer, row, own = at + g[BUFFER_AT], g[ROW], g[PART] * g[CHANNELS] * g[OUTPUTS] * 9
    for c in range(first, last, TOGETHER):
        count = min(TOGETHER, last - c)
        for i in range(height):
            source = own + (output + i) * g[W_OUTPUT] + c * g[W_CHANNEL]
            for kernel_number in range(count):
                begin, place = source + kernel_number * g[W_CHANNEL], buffer + 9 * kernel_number * row + i
                for k in range(9):
                    scratch[place + k * row] = w[begin + (8 - k if g[TURNED] else k)]
        for kernel_number in range(count):
            for i in range(0, row, LANES):
                place = u + (c - first + kernel_number) * row + i
                transform_weights(scratch, buffer + 9 * kernel_number * row + i, row, scratch, place, g[U_PITCH])


@kernel(inner=True)
def _outputs(block: int, panel: int, scratch: Array, m: int, y: Array, ending: Array, at: int, g: Numbers) -> None:
    """Write the outputs of a row tile and panel, run by run of tiles side by side."""
    first = block * g[LESSER] + min(block, g[HIGHER])
    height = g[LESSER] + (block < g[HIGHER])
    image, across, out = g[TILES_X] * g[TILES_Y], g[TILES_X], at + g[OUT_AT]
    j, end = panel * g[PANEL], min(g[TILES], (panel + 1) * g[PANEL])
    while j < end:
        n = j // image
        above = (j - n * image) // across
        left = j - n * image - above * across
        count = min(end - j, across - left, LANES)
        rows, columns = min(STEP, g[OUT_H] - STEP * above), min(STEP * count, g[OUT_W] - STEP * left)
        source = m + j % g[PANEL]
        for i in range(height):
            o = first + i
            place = (((n * g[GROUPS] + g[PART]) * g[OUTPUTS] + o) * g[OUT_H] + STEP * above) * g[OUT_W] + STEP * left
            transform_outputs(scratch, source + i * g[PANEL], g[M_PITCH], scratch, out, STEP * LANES, ending,
                              3 * (g[PART] * g[OUTPUTS] + o))  # fmt: skip
            for row in range(rows):
                begin, target = out + row * STEP * LANES, place + row * g[OUT_W]
                whole = columns - columns % SHORT
                for k in range(0, whole, SHORT):
                    copy8(y, target + k, scratch, begin + k)
                for k in range(whole, columns):
                    y[target + k] = scratch[begin + k]
        j += count
