"""Convolution over two spatial axes as a product of matrices that never stands in memory as a whole.

Index letters: n image, g group, o output channel of a group, c input channel of a group, (kh, kw) kernel position,
p = (oh, ow) output pixel, k = (c, kh, kw).

    y[n, g, o, p] = bias[g, o] + sum over k of w[g, o, k] x[n, g, c, pixel of p under (kh, kw)]

Pixels are packed piece by piece into scratch memory that stays in the second cache (`convolution_plan` says how), and
multiplied from there. All arrays are flat. Every result is the same for any number of threads: each element is summed
by one task in a fixed order, and partial sums over chunks of images are added in order. Cost: 2 multiplications and
additions an element of w and pixel, for each of the three products.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pycaffelite.kernels import convolution_dots
from pycaffelite.kernels._jit import Array, kernel
from pycaffelite.kernels.convolution_forward import TURNED_CHANNELS, forward_task, plan_forward, turn_task, turned
from pycaffelite.kernels.convolution_pack import add_planes, pack_rows, pad_planes
from pycaffelite.kernels.convolution_plan import (
    ADDRESS,
    BLOCK_ROWS,
    BLOCKS,
    CHANNELS,
    CHUNKS,
    DILATION_H,
    GROUPS,
    HEIGHT,
    HIGHER,
    HIGHER_ADDRESS,
    IMAGES,
    KERNEL_H,
    KERNEL_W,
    OUT_H,
    OUT_W,
    OUTPUTS,
    PAD_H,
    PAD_W,
    PHASE_ROWS,
    PLANE,
    ROW,
    SCRATCH,
    SCRATCH_AT,
    SECOND,
    SHIFTS,
    SLACK,
    STRIDE_H,
    SUM_ROW,
    TILE_HEIGHT,
    TILE_WIDTH,
    TILES,
    WANT_BIAS,
    WANT_WEIGHTS,
    WIDTH,
    Ending,
    Geometry,
    Numbers,
    Product,
    plan_data,
    plan_weights,
)
from pycaffelite.kernels.microkernel import ACCUMULATE, ZERO, multiply_tile
from pycaffelite.kernels.tasks import run, task
from pycaffelite.kernels.workspace import workspace


class Plan:
    """The products of one geometry and float type, each planned when it is first wanted."""

    def __init__(self, geometry: Geometry, dtype: npt.DTypeLike) -> None:
        self.geometry = geometry
        self.dtype = np.dtype(dtype)
        self.turned = turned(geometry)
        self.dots = convolution_dots.suits(geometry, self.dtype)
        self._products: dict[tuple[object, ...], Product] = {}

    def forward(self, scale: bool, shift: bool, slope: float | None) -> Product:
        """Return how y is made, with the ending that these make."""
        key = "forward", scale, shift, slope
        product = self._products.get(key)
        if product is None:
            product = plan_forward(self.geometry, self.dtype, Ending(scale, shift, slope))
            self._products[key] = product
        return product

    def weights(self, weights: bool, bias: bool) -> Product:
        """Return how dw and dbias are made, or one of them."""
        if ("weights", weights, bias) not in self._products:
            make = convolution_dots.plan_dots if self.dots else plan_weights
            self._products["weights", weights, bias] = make(self.geometry, self.dtype, weights, bias)
        return self._products["weights", weights, bias]

    def data(self) -> Product:
        """Return how dx is made."""
        if ("data",) not in self._products:
            geometry = self.geometry
            if self.turned is None:
                product = plan_data(geometry, self.dtype)
            else:
                weights = geometry.outputs * geometry.group()[0] * geometry.kernel[0] * geometry.kernel[1]
                product = plan_forward(self.turned, self.dtype, Ending(), weights + -weights % SLACK)
            self._products["data",] = product
        return self._products["data",]


def forward(
    plan: Plan, x: Array, w: Array, shift: Array, y: Array, scale: Array | None = None, slope: float | None = None
) -> None:
    """Write y = act(scale[o] sum + shift[o]), where act(v) = v if v > 0 else slope v.

    Args:
        plan: The plan.
        x: Input.
        w: Weights.
        shift: A number for each output channel, the bias; empty: 0.
        y: Output.
        scale: A number for each output channel; None or empty: 1.
        slope: None: act(v) = v.
    """
    scales = scale is not None and scale.size > 0
    product = plan.forward(scales, shift.size > 0 or scales, slope)
    if scale is not None and scales:
        shift = np.concatenate([shift if shift.size else np.zeros_like(scale), scale])
    run(forward_task, product.tasks, (x, w, shift, y, workspace(plan.dtype, product.scratch)), product.numbers)


def weight_gradient(plan: Plan, x: Array, dy: Array, dw: Array, dbias: Array) -> None:
    """Add to dw and dbias, each unless it is empty."""
    product = plan.weights(dw.size > 0, dbias.size > 0)
    scratch = workspace(plan.dtype, product.scratch)
    if plan.dots:
        convolution_dots.weight_gradient(product, x, dy, dw, dbias, scratch)
        return
    run(_weights, product.tasks, (x, dy, scratch), product.numbers)
    run(_add_sums, plan.geometry.outputs, (dw, dbias, scratch), product.numbers)


def data_gradient(plan: Plan, w: Array, dy: Array, dx: Array) -> None:
    """Overwrite dx."""
    product = plan.data()
    scratch = workspace(plan.dtype, product.scratch)
    if plan.turned is not None:
        blocks = -(-plan.geometry.group()[0] // TURNED_CHANNELS)
        run(turn_task, plan.geometry.groups * blocks, (w, scratch), product.numbers)
        run(forward_task, product.tasks, (dy, scratch, dy[:0], dx, scratch), product.numbers)
        return
    run(_permute, plan.geometry.groups * plan.geometry.kernel[0], (w, scratch), product.numbers)
    run(_data, product.tasks, (dy, dx, scratch), product.numbers)


@task("fffff")
def _weights(number: int, thread: int, x: Array, dy: Array, scratch: Array, _d: Array, _e: Array, g: Numbers) -> None:
    """Write the partial sums of one block of channels over one chunk of images; block 0 sums the bias too."""
    groups, cg, og, pixels = g[GROUPS], g[CHANNELS], g[OUTPUTS], g[OUT_H] * g[OUT_W]
    unit, block = number // g[BLOCKS], number % g[BLOCKS]
    chunk, group = unit // groups, unit % groups
    size = -(-cg // g[BLOCKS])
    c0 = block * size
    channels = min(size, cg - c0)
    at = g[SCRATCH_AT] + thread * g[SCRATCH]
    packed = at + size * (g[HEIGHT] + 2 * g[PAD_H]) * (g[WIDTH] + 2 * g[PAD_W])
    sums = number * g[SHIFTS] * og * g[SUM_ROW]
    bias_sums = g[CHUNKS] * groups * g[BLOCKS] * g[SHIFTS] * og * g[SUM_ROW] + unit * og
    padded = g[PAD_H] > 0 or g[PAD_W] > 0
    start, first = ZERO, chunk * g[IMAGES] // g[CHUNKS]
    for n in range(first, (chunk + 1) * g[IMAGES] // g[CHUNKS]):
        image = n * groups + group
        if g[WANT_WEIGHTS]:
            x_at = (image * cg + c0) * g[HEIGHT] * g[WIDTH]
            # The last image is copied as well: packing reads a few elements past its source.
            copied = padded or n == g[IMAGES] - 1
            if copied:
                pad_planes(x, x_at, scratch, at, g, channels, n == first)
            for row in range(0, g[OUT_H], g[BLOCK_ROWS]):
                rows = min(g[BLOCK_ROWS], g[OUT_H] - row)
                if copied:
                    pack_rows(scratch, at, scratch, packed, g, row, rows, channels)
                else:
                    pack_rows(x, x_at, scratch, packed, g, row, rows, channels)
                dy_at = image * og * pixels + row * g[OUT_W]
                _multiply_rows(dy, dy_at, scratch, packed, sums, g, rows, channels, start)
                start = ACCUMULATE
        if g[WANT_BIAS] and block == 0:
            for o in range(og):
                begin = (image * og + o) * pixels
                total = dy[begin]
                for p in range(1, pixels):
                    total += dy[begin + p]
                if n > first:
                    total += scratch[bias_sums + o]
                scratch[bias_sums + o] = total


@kernel(inner=True)
def _multiply_rows(
    dy: Array, dy_at: int, scratch: Array, packed: int, sums: int, g: Numbers, rows: int, channels: int, start: int
) -> None:
    """Add to the partial sums what some output rows of one image give."""
    pixels, og, steps = g[OUT_H] * g[OUT_W], g[OUTPUTS], rows * g[OUT_W]
    columns = channels * g[KERNEL_W] * (g[KERNEL_H] if g[SHIFTS] == 1 else 1)
    for shift in range(g[SHIFTS]):
        index, phase = shift * g[DILATION_H] // g[STRIDE_H], shift * g[DILATION_H] % g[STRIDE_H]
        source = packed + (phase * g[PHASE_ROWS] + index) * g[OUT_W] * g[ROW]
        for k in range(0, columns, g[TILE_WIDTH]):
            second = SECOND if 2 * (columns - k) <= g[TILE_WIDTH] else 0
            for tile in range(g[TILES + second]):
                i = tile * g[TILE_HEIGHT + second] + min(tile, g[HIGHER + second])
                address = g[HIGHER_ADDRESS + second] if tile < g[HIGHER + second] else g[ADDRESS + second]
                multiply_tile(address, steps, dy, dy_at + i * pixels, pixels, 1, scratch, source + k, g[ROW],
                              scratch, sums + (shift * og + i) * g[SUM_ROW] + k, g[SUM_ROW], start, dy, 0)  # fmt: skip


@task("fffff")
def _add_sums(
    number: int, _thread: int, dw: Array, dbias: Array, scratch: Array, _d: Array, _e: Array, g: Numbers
) -> None:
    """Add the partial sums of one output channel to dw and dbias, chunk by chunk in order."""
    og, cg, kernel_w = g[OUTPUTS], g[CHANNELS], g[KERNEL_W]
    group, o = number // og, number % og
    line = g[SUM_ROW]
    piece = g[SHIFTS] * og * line
    chunk_size = g[GROUPS] * g[BLOCKS] * piece
    if g[WANT_BIAS]:
        for chunk in range(g[CHUNKS]):
            dbias[number] += scratch[g[CHUNKS] * chunk_size + (chunk * g[GROUPS] + group) * og + o]
    if not g[WANT_WEIGHTS]:
        return
    size = -(-cg // g[BLOCKS])
    together = g[KERNEL_H] // g[SHIFTS] * kernel_w
    for block in range(g[BLOCKS]):
        channels = min(size, cg - block * size)
        for shift in range(g[SHIFTS]):
            sums = (group * g[BLOCKS] + block) * piece + (shift * og + o) * line
            for chunk in range(1, g[CHUNKS]):
                for k in range(channels * together):
                    scratch[sums + k] += scratch[sums + chunk * chunk_size + k]
            target = (number * cg + block * size) * g[KERNEL_H] * kernel_w + shift * kernel_w
            for c in range(channels):
                for k in range(together):
                    dw[target + c * g[KERNEL_H] * kernel_w + k] += scratch[sums + c * together + k]


@task("fffff")
def _permute(number: int, _thread: int, w: Array, scratch: Array, _c: Array, _d: Array, _e: Array, g: Numbers) -> None:
    """Write the weights of one group and kernel row as the tiles of `_fill_planes` read them, each in one run."""
    og, cg, kernel_h, kernel_w = g[OUTPUTS], g[CHANNELS], g[KERNEL_H], g[KERNEL_W]
    group, kh = number // kernel_h, number % kernel_h
    row = 0  # of all (c, kw)
    for block in range(g[BLOCKS]):
        second = SECOND if block < cg % g[BLOCKS] else 0
        for tile in range(g[TILES + second]):
            height = g[TILE_HEIGHT + second] + (tile < g[HIGHER + second])
            for i in range(height):
                source = ((group * og * cg + (row + i) // kernel_w) * kernel_h + kh) * kernel_w + (row + i) % kernel_w
                target = (number * cg * kernel_w + row) * og + i
                for o in range(og):
                    scratch[target + o * height] = w[source + o * cg * kernel_h * kernel_w]
            row += height


@task("fffff")
def _data(number: int, thread: int, dy: Array, dx: Array, scratch: Array, _d: Array, _e: Array, g: Numbers) -> None:
    """Write the gradient of some channels of one image and group: fill their planes, add these to their pixels."""
    cg, pixels, plane = g[CHANNELS], g[OUT_H] * g[OUT_W], g[HEIGHT] * g[WIDTH]
    unit, block = number // g[BLOCKS], number % g[BLOCKS]
    least, more = cg // g[BLOCKS], cg % g[BLOCKS]
    c0 = block * least + min(block, more)
    channels = least + (block < more)
    at = g[SCRATCH_AT] + thread * g[SCRATCH]
    x_at = (unit * cg + c0) * plane
    for i in range(x_at, x_at + channels * plane):
        dx[i] = 0
    for row in range(0, g[OUT_H], g[BLOCK_ROWS]):
        rows = min(g[BLOCK_ROWS], g[OUT_H] - row)
        for i in range(at, at + channels * g[KERNEL_W] * g[PLANE]):
            scratch[i] = 0
        dy_at = unit * g[OUTPUTS] * pixels + row * g[OUT_W]
        _fill_planes(dy, dy_at, scratch, at, g, rows, unit % g[GROUPS], c0, channels)
        add_planes(scratch, at, dx, x_at, g, row, rows, channels)


@kernel(inner=True)
def _fill_planes(
    dy: Array, dy_at: int, scratch: Array, at: int, g: Numbers, rows: int, group: int, c0: int, channels: int
) -> None:
    """Add to the planes what some output rows send back through every kernel row."""
    og, pixels, width = g[OUTPUTS], g[OUT_H] * g[OUT_W], g[TILE_WIDTH]
    second = SECOND if channels > g[CHANNELS] // g[BLOCKS] else 0
    edge = at + g[SCRATCH] - og * width - SLACK
    for p in range(0, rows * g[OUT_W], width):
        inside = min(width, rows * g[OUT_W] - p)
        if inside < width:  # zeros to the right, because the tile is added to planes that go on there
            _gather(dy, dy_at + p, pixels, scratch, edge, width, og, inside)
        for kh in range(g[KERNEL_H]):
            index, phase = kh * g[DILATION_H] // g[STRIDE_H], kh * g[DILATION_H] % g[STRIDE_H]
            target = at + (phase * g[PHASE_ROWS] + index) * g[OUT_W] + p
            source = ((group * g[KERNEL_H] + kh) * g[CHANNELS] + c0) * g[KERNEL_W] * og
            for tile in range(g[TILES + second]):
                i = tile * g[TILE_HEIGHT + second] + min(tile, g[HIGHER + second])
                height = g[TILE_HEIGHT + second] + (tile < g[HIGHER + second])
                address = g[HIGHER_ADDRESS + second] if tile < g[HIGHER + second] else g[ADDRESS + second]
                pixels_of, first, row = (dy, dy_at + p, pixels) if inside == width else (scratch, edge, width)
                multiply_tile(address, og, scratch, source + i * og, 1, height, pixels_of, first, row,
                              scratch, target + i * g[PLANE], g[PLANE], ACCUMULATE, dy, 0)  # fmt: skip


@kernel(inner=True)
def _gather(
    source: Array, source_at: int, source_row: int, target: Array, target_at: int, width: int, height: int, columns: int
) -> None:
    """Copy a narrow matrix to a panel, with zeros to its right."""
    for i in range(height):
        for j in range(width):
            target[target_at + i * width + j] = source[source_at + i * source_row + j] if j < columns else 0
