"""Convolution over two spatial axes as a product of matrices that never stands in memory as a whole.

Index letters: n image, g group, o output channel of a group, c input channel of a group, (kh, kw) kernel position,
p = (oh, ow) output pixel, k = (c, kh, kw).

    y[n, g, o, p] = bias[g, o] + sum_k w[g, o, k] * patch(x)[n, g, k, p]

Patches are packed piece by piece into scratch memory that stays in the second cache, and multiplied from there.
All arrays are flat; `Plan` holds the numbers that say how they are cut up. Every result is the same for any number
of threads: each element is summed by one task in a fixed order, and partial sums over images are added in order.
"""

from __future__ import annotations

from pycaffelite.kernels._jit import Array, kernel, prange, thread_id
from pycaffelite.kernels.convolution_pack import add_columns, pack_columns, pack_rows, pad_planes
from pycaffelite.kernels.convolution_plan import (
    CHANNELS,
    GROUPS,
    HEIGHT,
    IMAGES,
    KERNEL_H,
    KERNEL_W,
    OUT_H,
    OUT_W,
    OUTPUTS,
    PAD_H,
    PAD_W,
    SLACK,
    TILE_WIDTH,
    WIDTH,
    Plan,
)
from pycaffelite.kernels.microkernel import ACCUMULATE, ROW_BIAS, ZERO, multiply_tile
from pycaffelite.kernels.workspace import most_threads, workspace

def forward(plan: Plan, x: Array, w: Array, bias: Array, y: Array) -> None:
    """Write y. All arrays are flat; an empty `bias` stands for none."""
    size = plan.scratch[0]
    _forward(x, w, bias, y, workspace(plan.dtype, size * most_threads()), size, plan.numbers, plan.forward,
             plan.forward_rows)  # fmt: skip


def weight_gradient(plan: Plan, x: Array, dy: Array, dw: Array, dbias: Array) -> None:
    """Add to dw and dbias, each unless it is empty."""
    size = plan.scratch[1]
    scratch = workspace(plan.dtype, size * most_threads() + plan.partials)
    _weight_gradient(x, dy, dw, dbias, scratch, size, size * most_threads(), plan.numbers, plan.weight,
                     plan.forward_rows)  # fmt: skip


def data_gradient(plan: Plan, w: Array, dy: Array, dx: Array) -> None:
    """Overwrite dx."""
    size = plan.scratch[2]
    _data_gradient(w, dy, dx, workspace(plan.dtype, size * most_threads()), size, plan.numbers, plan.data,
                   plan.data_rows)  # fmt: skip


@kernel(parallel=True)
def _forward(x, w, bias, y, scratch, size, g, blocks, rows):  # type: ignore[no-untyped-def]
    """Write y; parallel over (image, group, block of pixels, block of output channels)."""
    pixel_blocks = -(-(g[OUT_H] * g[OUT_W]) // blocks[0])
    row_blocks = -(-rows[0] // blocks[3])
    for task in prange(g[IMAGES] * g[GROUPS] * pixel_blocks * row_blocks):
        row_block = task % row_blocks
        pixel_block = task // row_blocks % pixel_blocks
        unit = task // (row_blocks * pixel_blocks)
        _forward_task(x, w, bias, y, scratch, thread_id() * size, g, blocks, rows, unit, pixel_block, row_block)


@kernel()
def _forward_task(x, w, bias, y, scratch, at, g, blocks, rows, unit, pixel_block, row_block):  # type: ignore[no-untyped-def]
    """Write one block of y: pack the patches of some pixels, depth block by depth block, and multiply."""
    cg, og, pixels, depth = g[CHANNELS], g[OUTPUTS], g[OUT_H] * g[OUT_W], g[CHANNELS] * g[KERNEL_H] * g[KERNEL_W]
    stride, width = blocks[1], g[TILE_WIDTH]
    p0 = pixel_block * blocks[0]
    p1 = min(pixels, p0 + blocks[0])
    first_tile, last_tile = row_block * blocks[3], min(rows[0], (row_block + 1) * blocks[3])
    group = unit % g[GROUPS]
    start = ROW_BIAS if bias.size else ZERO
    for k0 in range(0, depth, blocks[2]):
        k1 = min(depth, k0 + blocks[2])
        pack_columns(x, unit * cg * g[HEIGHT] * g[WIDTH], scratch, at, stride, g, p0, p1, k0, k1)
        for p in range(p0, p1, width):
            for tile in range(first_tile, last_tile):
                i = group * og + tile * rows[1] + min(tile, rows[2])
                height = rows[1] + (tile < rows[2])
                address = rows[4] if tile < rows[2] else rows[3]
                target = unit * og * pixels + (i - group * og) * pixels + p
                if p + width <= p1:
                    multiply_tile(address, k1 - k0, w, i * depth + k0, depth, 1, scratch, at + p - p0, stride,
                                  y, target, pixels, start, bias, i)  # fmt: skip
                else:
                    edge = at + blocks[2] * stride + SLACK
                    multiply_tile(address, k1 - k0, w, i * depth + k0, depth, 1, scratch, at + p - p0, stride,
                                  scratch, edge, width, start if k0 == 0 else ZERO, bias, i)  # fmt: skip
                    _spill(scratch, edge, width, y, target, pixels, height, p1 - p, k0 > 0)
        start = ACCUMULATE


@kernel()
def _spill(source, source_at, source_row, target, target_at, target_row, height, columns, add):  # type: ignore[no-untyped-def]
    """Copy or add the part of a tile that lies inside the matrix."""
    for i in range(height):
        for j in range(columns):
            value = source[source_at + i * source_row + j]
            if add:
                value += target[target_at + i * target_row + j]
            target[target_at + i * target_row + j] = value


@kernel(parallel=True)
def _weight_gradient(x, dy, dw, dbias, scratch, size, partials_at, g, blocks, rows):  # type: ignore[no-untyped-def]
    """Add to dw and dbias; parallel over (chunk of images, group, block of channels), then over output channels."""
    groups, og, channel_blocks, depth = g[GROUPS], g[OUTPUTS], -(-g[CHANNELS] // blocks[0]), g[CHANNELS] * g[KERNEL_H] * g[KERNEL_W]
    chunks = -(-g[IMAGES] // blocks[3])
    piece = og * blocks[4]
    bias_at = partials_at + chunks * groups * channel_blocks * piece
    for task in prange(chunks * groups * channel_blocks):
        unit = task // channel_blocks
        _weight_task(x, dy, scratch, thread_id() * size, partials_at + task * piece, bias_at + unit * og, g, blocks,
                     rows, unit // groups, unit % groups, task % channel_blocks, dw.size > 0)  # fmt: skip
    columns = blocks[0] * g[KERNEL_H] * g[KERNEL_W]
    for row in prange(groups * og):
        group, o = row // og, row % og
        for chunk in range(chunks):
            unit = chunk * groups + group
            if dbias.size:
                dbias[row] += scratch[bias_at + unit * og + o]
            for block in range(channel_blocks if dw.size else 0):
                source = partials_at + (unit * channel_blocks + block) * piece + o * blocks[4]
                target = row * depth + block * columns
                for k in range(min(columns, depth - block * columns)):
                    dw[target + k] += scratch[source + k]


@kernel()
def _weight_task(x, dy, scratch, at, sum_at, bias_at, g, blocks, rows, chunk, group, block, weights):  # type: ignore[no-untyped-def]
    """Write the partial sums of one block of channels over one chunk of images; block 0 sums the bias too."""
    groups, cg, og, pixels, area = g[GROUPS], g[CHANNELS], g[OUTPUTS], g[OUT_H] * g[OUT_W], g[KERNEL_H] * g[KERNEL_W]
    plane = g[HEIGHT] * g[WIDTH]
    c0, c1 = block * blocks[0], min(cg, (block + 1) * blocks[0])
    stride, width, sum_row = blocks[1], g[TILE_WIDTH], blocks[4]
    padded_row = g[WIDTH] + 2 * g[PAD_W]
    patches = at + blocks[0] * (g[HEIGHT] + 2 * g[PAD_H]) * padded_row + SLACK
    start = ZERO
    for n in range(chunk * blocks[3], min(g[IMAGES], (chunk + 1) * blocks[3])):
        unit = n * groups + group
        dy_at = unit * og * pixels
        if weights:
            pad_planes(x, (unit * cg + c0) * plane, scratch, at, g, c1 - c0)
        for p0 in range(0, pixels if weights else 0, blocks[2]):
            p1 = min(pixels, p0 + blocks[2])
            pack_rows(scratch, at, patches, stride, g, p0, p1, c1 - c0)
            for k in range(0, (c1 - c0) * area, width):
                for tile in range(rows[0]):
                    i = tile * rows[1] + min(tile, rows[2])
                    address = rows[4] if tile < rows[2] else rows[3]
                    multiply_tile(address, p1 - p0, dy, dy_at + i * pixels + p0, pixels, 1, scratch, patches + k,
                                  stride, scratch, sum_at + i * sum_row + k, sum_row, start, dy, 0)  # fmt: skip
            start = ACCUMULATE
        if block == 0:
            for o in range(og):
                total = x.dtype.type(0)
                for p in range(pixels):
                    total += dy[dy_at + o * pixels + p]
                if n > chunk * blocks[3]:
                    total += scratch[bias_at + o]
                scratch[bias_at + o] = total


@kernel(parallel=True)
def _data_gradient(w, dy, dx, scratch, size, g, blocks, rows):  # type: ignore[no-untyped-def]
    """Overwrite dx; parallel over (image, group, block of channels)."""
    for task in prange(g[IMAGES] * g[GROUPS] * blocks[0]):
        _data_task(w, dy, dx, scratch, thread_id() * size, g, blocks, rows, task // blocks[0], task % blocks[0])


@kernel()
def _data_task(w, dy, dx, scratch, at, g, blocks, rows, unit, block):  # type: ignore[no-untyped-def]
    """Write the gradient of some channels of one image: the gradient of their patches, added where they came from."""
    cg, og, pixels, area = g[CHANNELS], g[OUTPUTS], g[OUT_H] * g[OUT_W], g[KERNEL_H] * g[KERNEL_W]
    plane, depth, width, stride = g[HEIGHT] * g[WIDTH], cg * area, g[TILE_WIDTH], blocks[2]
    least, more = cg // blocks[0], cg % blocks[0]
    c0 = block * least + min(block, more)
    channels = least + (block < more)
    kind = channels - least
    x_at = (unit * cg + c0) * plane
    w_at = (unit % g[GROUPS]) * og * depth + c0 * area
    edge = at + channels * area * stride
    for i in range(x_at, x_at + channels * plane):
        dx[i] = 0
    for p0 in range(0, pixels, blocks[1]):
        p1 = min(pixels, p0 + blocks[1])
        for p in range(p0, p1, width):
            source = unit * og * pixels + p
            inside = source + (og - 1) * pixels + width <= dy.size
            if not inside:  # the last pixels of the last image: a whole tile would read past the end
                _gather(dy, source, pixels, scratch, edge, width, og, p1 - p)
            for tile in range(rows[kind, 0]):
                i = tile * rows[kind, 1] + min(tile, rows[kind, 2])
                address = rows[kind, 4] if tile < rows[kind, 2] else rows[kind, 3]
                if inside:
                    multiply_tile(address, og, w, w_at + i, 1, depth, dy, source, pixels,
                                  scratch, at + i * stride + p - p0, stride, ZERO, dy, 0)  # fmt: skip
                else:
                    multiply_tile(address, og, w, w_at + i, 1, depth, scratch, edge, width,
                                  scratch, at + i * stride + p - p0, stride, ZERO, dy, 0)  # fmt: skip
        add_columns(scratch, at, stride, dx, x_at, g, p0, p1, channels)


@kernel()
def _gather(source, source_at, source_row, target, target_at, width, height, columns):  # type: ignore[no-untyped-def]
    """Copy a narrow matrix to a panel, with zeros to its right."""
    for i in range(height):
        for j in range(width):
            target[target_at + i * width + j] = source[source_at + i * source_row + j] if j < columns else 0
