"""The forward product of a convolution: how it is cut, and the task that computes one piece.

Input channels are taken in blocks: the pixels of a block lie in the second cache as planes (see `convolution_plan`),
or, for 1 x 1 kernels with stride 1, are read where they stand in x. A row tile then multiplies all its weights of the
block, which stay in the first cache, with all pixels of the task. Sums over blocks go on in y. How blocks are cut
depends on the geometry alone; how much a task computes may depend on the number of threads, and changes no sum.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

from pycaffelite.kernels._jit import Array, kernel
from pycaffelite.kernels.convolution_pack import pack_planes
from pycaffelite.kernels.convolution_plan import (
    ADDRESS,
    BLOCK_ROWS,
    BLOCK_TILES,
    BLOCKS,
    CHANNELS,
    FINISH,
    GROUPS,
    HEIGHT,
    HIGHER,
    HIGHER_ADDRESS,
    IN_PLACE,
    KERNEL_H,
    KERNEL_W,
    OUT_H,
    OUT_W,
    OUTPUTS,
    PLANE,
    SCRATCH,
    SCRATCH_AT,
    SECOND,
    SLACK,
    SLOPE,
    START,
    TABLE,
    TILE_HEIGHT,
    TILE_WIDTH,
    TILES,
    WEIGHT_ROW,
    WIDTH,
    Ending,
    Geometry,
    Numbers,
    Product,
    rows_of_tiles,
)
from pycaffelite.kernels.microkernel import ACCUMULATE, MAX_HEIGHT, VECTORS, multiply_tile_indexed, tile_width
from pycaffelite.kernels.tasks import task
from pycaffelite.kernels.workspace import most_threads, padded_stride

_DEPTH = 512  # of a block: the weights of a row tile stay in the first cache
_PIXELS_BYTES = 768 * 1024  # of the pixels of a block, in the second cache
_ZEROS = 1.25  # of the border, and all else, for each product that counts
_CALL = 40  # cycles that a tile costs besides its products
_TURNED_LEAST = 16  # channels that make it worth while to pack dy for them
TURNED_CHANNELS = 8  # that one task turns: more rows to write would drive each other out of the first cache
_PAGE = 4096  # bytes; rows at such distances fall on the same few places of the first cache


def turned(geometry: Geometry) -> Geometry | None:
    """Return the convolution that makes dx of dy, with the weights turned around; None where that does not pay."""
    reach = [step * (size - 1) for step, size in zip(geometry.dilation, geometry.kernel, strict=True)]
    pad = (reach[0] - geometry.pad[0], reach[1] - geometry.pad[1])
    height, width = geometry.output_size
    if geometry.stride != (1, 1) or min(pad) < 0 or geometry.group()[0] < _TURNED_LEAST:
        return None
    if geometry.height * geometry.width > _ZEROS * height * width:
        return None
    kernel, dilation, groups = geometry.kernel, geometry.dilation, geometry.groups
    return Geometry(
        geometry.images, geometry.outputs, height, width, geometry.channels, kernel, (1, 1), pad, dilation, groups
    )


def plan_forward(geometry: Geometry, dtype: np.dtype[Any], ending: Ending, before: int = 0) -> Product:
    """Plan y: a task is an image, a group, a block of output rows and a block of row tiles.

    Args:
        geometry: The geometry.
        dtype: The float type.
        ending: What is done to the sums.
        before: Elements of scratch that something else needs; threads begin behind them.
    """
    pointwise = geometry.kernel == geometry.stride == (1, 1) and geometry.pad == (0, 0)
    if pointwise:  # an image is one run of pixels: it may be cut anywhere
        pixels = geometry.height * geometry.width
        geometry = Geometry(
            geometry.images, geometry.channels, pixels, 1, geometry.outputs, (1, 1), groups=geometry.groups
        )
    width = tile_width(dtype)
    in_place = pointwise and geometry.height >= width
    channels, outputs = geometry.group()
    area = geometry.kernel[0] * geometry.kernel[1]
    blocks = -(-channels // max(1, _DEPTH // area))
    block = -(-channels // blocks)
    tiles = rows_of_tiles(outputs, dtype, indexed=True)
    rows, pieces = _cut(geometry, block, tiles[0], in_place, dtype)
    block_tiles = -(-tiles[0] // pieces)
    narrow = [0] * SECOND
    if any(0 < 2 * (count % width) <= width for count in _pixels_of_blocks(geometry, rows)):
        narrow = rows_of_tiles(outputs, dtype, VECTORS // 2, indexed=True)
    plane = geometry.plane(rows)
    steps = block * area
    row_bytes = channels * area * dtype.itemsize
    alike = row_bytes >= _PAGE // 2 and min(row_bytes % _PAGE, -row_bytes % _PAGE) * MAX_HEIGHT < _PAGE
    weight_row = padded_stride(steps, dtype) if alike else 0
    table = np.arange(block)[:, None, None] * geometry.kernel[1] + np.arange(geometry.kernel[1])
    table = table * plane + np.array([geometry.shift(kh, rows) for kh in range(geometry.kernel[0])])[:, None]
    offsets = np.arange(block) * geometry.height if in_place else table.reshape(-1)
    frame = geometry.phase_rows(rows) * (geometry.width + 2 * geometry.pad[1]) + SLACK
    scratch = (0 if in_place else block * geometry.kernel[1] * plane + frame) + SLACK
    scratch += MAX_HEIGHT * (width + weight_row)
    scratch += -scratch % SLACK
    common = [rows, blocks, plane, geometry.phase_rows(rows), scratch, before]
    own = [*ending.numbers(), block_tiles, int(in_place), weight_row]
    numbers = [*geometry.numbers(dtype), *common, *tiles, *narrow, *own, *offsets.tolist()]
    tasks = geometry.images * geometry.groups * -(-geometry.output_size[0] // rows) * -(-tiles[0] // block_tiles)
    return Product(np.array(numbers, np.int64), tasks, before + scratch * most_threads())


def _pixels_of_blocks(geometry: Geometry, rows: int) -> set[int]:
    """Return how many pixels blocks of output rows have."""
    height, width = geometry.output_size
    return {min(rows, height) * width, (height % rows) * width} - {0}


def _cut(geometry: Geometry, block: int, tiles: int, in_place: bool, dtype: np.dtype[Any]) -> tuple[int, int]:
    """Choose the output rows of a block and into how many pieces the row tiles are cut: what takes the least time."""
    height, width = geometry.output_size
    columns = tile_width(dtype)
    channels, outputs = geometry.group()
    depth = channels * geometry.kernel[0] * geometry.kernel[1]
    units, threads = geometry.images * geometry.groups, int(numba.get_num_threads())
    blocks = -(-channels // block)
    step = columns if width == 1 and height > columns else 1
    most = _PIXELS_BYTES // (dtype.itemsize * block * geometry.kernel[1])

    def time(rows: int, pieces: int) -> float:
        vectors, of_tiles = -(-2 * rows * width // columns), -(-tiles // pieces)
        products = vectors * depth * of_tiles * (outputs / tiles) / 2 + vectors / 2 * of_tiles * blocks * _CALL
        packing = 0 if in_place else channels * geometry.kernel[1] * geometry.plane(rows) / 2
        weights = depth * of_tiles * (outputs / tiles) / 3  # to read
        tasks = units * -(-height // rows) * pieces
        return -(-tasks // threads) * (products + packing + weights)

    lengths = {min(rows, height) for rows in range(step, height + step, step)}
    fitting = sorted(rows for rows in lengths if geometry.plane(rows) <= most) or [min(lengths)]
    cuts = [(rows, pieces) for rows in reversed(fitting) for pieces in range(1, min(tiles, 4 * threads) + 1)]
    return min(cuts, key=lambda cut: time(*cut))


@task("fffff")
def forward_task(
    number: int, thread: int, x: Array, w: Array, shift: Array, y: Array, scratch: Array, g: Numbers
) -> None:
    """Write some output rows of one image and group: block by block of channels, row tile by row tile."""
    cg, og, area = g[CHANNELS], g[OUTPUTS], g[KERNEL_H] * g[KERNEL_W]
    tile_blocks, row_blocks = -(-g[TILES] // g[BLOCK_TILES]), -(-g[OUT_H] // g[BLOCK_ROWS])
    unit = number // (tile_blocks * row_blocks)
    row = number // tile_blocks % row_blocks * g[BLOCK_ROWS]
    first_tile = number % tile_blocks * g[BLOCK_TILES]
    last_tile = min(g[TILES], first_tile + g[BLOCK_TILES])
    rows = min(g[BLOCK_ROWS], g[OUT_H] - row)
    at, depth = g[SCRATCH_AT] + thread * g[SCRATCH], cg * area
    weights = at + g[SCRATCH] - MAX_HEIGHT * g[WEIGHT_ROW]
    block = -(-cg // g[BLOCKS])
    frame = at + block * g[KERNEL_W] * g[PLANE] + SLACK
    mode = g[START]
    for c0 in range(0, cg, block):
        channels = min(block, cg - c0)
        if c0 + channels == cg:
            mode |= g[FINISH]
        x_at = (unit * cg + c0) * g[HEIGHT] * g[WIDTH]
        if not g[IN_PLACE]:
            pack_planes(x, x_at, scratch, at, frame, g, row, rows, channels)
        for tile in range(first_tile, last_tile):
            i = tile * g[TILE_HEIGHT] + min(tile, g[HIGHER])
            height = g[TILE_HEIGHT] + (tile < g[HIGHER])
            y_at = (unit * og + i) * g[OUT_H] * g[OUT_W] + row * g[OUT_W]
            i += unit % g[GROUPS] * og
            source = i * depth + c0 * area
            rows_of_weights = w
            if g[WEIGHT_ROW] > 0:
                _copy(w, source, depth, scratch, weights, g[WEIGHT_ROW], height, channels * area)
                rows_of_weights = scratch
                source = weights
            _row_tile(x, x_at, rows_of_weights, source, g[WEIGHT_ROW] if g[WEIGHT_ROW] > 0 else depth, shift, y, y_at,
                      scratch, at, weights, g, tile, i, channels * area, row, rows, mode)  # fmt: skip
        mode = ACCUMULATE


@task("fffff")
def turn_task(number: int, _thread: int, w: Array, target: Array, _c: Array, _d: Array, _e: Array, g: Numbers) -> None:
    """Write the weights of some channels for `turned`: w'[g, c, o, k] = w[g, o, c, last - k]; g is that of `turned`."""
    og, cg, area = g[CHANNELS], g[OUTPUTS], g[KERNEL_H] * g[KERNEL_W]
    blocks = -(-cg // TURNED_CHANNELS)
    group, c0 = number // blocks, number % blocks * TURNED_CHANNELS
    for o in range(og):
        for c in range(c0, min(cg, c0 + TURNED_CHANNELS)):
            source = ((group * og + o) * cg + c) * area
            end = ((group * cg + c) * og + o + 1) * area - 1
            for k in range(area):
                target[end - k] = w[source + k]


@kernel(inner=True)
def _row_tile(
    x: Array, x_at: int, w: Array, source: int, w_row: int, shift: Array, y: Array, y_at: int, scratch: Array, at: int,
    end: int, g: Numbers, tile: int, output: int, steps: int, row: int, rows: int, mode: int,
) -> None:  # fmt: skip
    """Multiply one row tile with all pixels of a task."""
    width, pixels, count = g[TILE_WIDTH], g[OUT_H] * g[OUT_W], rows * g[OUT_W]
    edge, scale_at = end - MAX_HEIGHT * width, g[GROUPS] * g[OUTPUTS] + output
    for p in range(0, count, width):
        inside = min(width, count - p)
        second = SECOND if 2 * inside <= width and g[ADDRESS + SECOND] > 0 else 0
        address = g[HIGHER_ADDRESS + second] if tile < g[HIGHER] else g[ADDRESS + second]
        height = g[TILE_HEIGHT] + (tile < g[HIGHER])
        source_pixels, first, target, to, target_row, back = scratch, at + p, y, y_at + p, pixels, 0
        if inside < width:
            target, to, target_row = scratch, edge, width
            # Nothing lies behind the last image: its last tile begins some pixels earlier.
            back = max(0, row + p + (width // 2 if second else width) - pixels) if g[IN_PLACE] else 0
            if mode & ACCUMULATE:
                _copy(y, y_at + p, pixels, scratch, edge + back, width, height, inside)
        if g[IN_PLACE]:
            source_pixels, first = x, x_at + row + p - back
        multiply_tile_indexed(address, steps, w, source, w_row, 1, source_pixels, first, g, TABLE, target, to,
                              target_row, mode, shift, output, shift, scale_at, g[SLOPE])  # fmt: skip
        if inside < width:
            _copy(scratch, edge + back, width, y, y_at + p, pixels, height, inside)


@kernel(inner=True)
def _copy(
    source: Array, source_at: int, source_row: int, target: Array, target_at: int, target_row: int, height: int,
    columns: int,
) -> None:  # fmt: skip
    """Copy a part of a matrix."""
    for i in range(height):
        for j in range(columns):
            target[target_at + i * target_row + j] = source[source_at + i * source_row + j]
