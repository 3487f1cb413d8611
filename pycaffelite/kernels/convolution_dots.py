"""The weight gradient of a convolution with few input channels: each weight's is one long dot product.

    dw[o, c, kh, kw] += sum over output pixels p of dy[o, p] plane[c, kw][p from where kernel row kh begins]

The planes are those of `convolution_plan`: the pixels that one kernel position meets are one run. A tile of sums, some
outputs by some kernel columns, stays in registers as vectors along p (see `dot`); with few channels the matrix product
of `convolution` would leave much of each vector empty, and read every number of dy alone. Partial sums over chunks of
images are added in order.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from pycaffelite.kernels._jit import Array
from pycaffelite.kernels.convolution_pack import pack_planes
from pycaffelite.kernels.convolution_plan import (
    BLOCK_ROWS,
    CHANNELS,
    DILATION_H,
    GROUPS,
    HEIGHT,
    IMAGES,
    KERNEL_H,
    KERNEL_W,
    OUT_H,
    OUT_W,
    OUTPUTS,
    PHASE_ROWS,
    PLANE,
    SCRATCH,
    SCRATCH_AT,
    SLACK,
    STRIDE_H,
    TILES,
    WIDTH,
    Geometry,
    Numbers,
    Product,
)
from pycaffelite.kernels.dot import add_dots, dot_kernel
from pycaffelite.kernels.microkernel import MAX_HEIGHT, VECTOR_BYTES, VECTORS
from pycaffelite.kernels.tasks import run, task
from pycaffelite.kernels.workspace import most_threads

# From TILES on: pieces of the outputs and of the kernel columns, the lesser size of each, how many are one larger,
# the code for all four sizes of tile; lanes, chunks, whether weights and bias are wanted.
_PIECES, _HEIGHT, _HIGHER, _STRIPS, _BREADTH, _BROADER, _CODE = range(TILES, TILES + 7)
_LANES, _CHUNKS, _WANT_WEIGHTS, _WANT_BIAS = range(_CODE + 4, _CODE + 8)

_SIDE = 5 if MAX_HEIGHT * VECTORS >= 25 else 3  # of a tile
_MOST_CHANNELS = 4
_LEAST_VECTORS = 16  # along p: fewer would not pay for adding up the lanes of the sums
_MOST_BYTES = 8 * 1024  # along p: beyond, the rows of dy that make a tile would not stay in the first cache
_PLANES_BYTES = 256 * 1024
_TASKS = 16  # whatever the number of threads


def suits(geometry: Geometry, dtype: np.dtype[Any]) -> bool:
    """Return whether this is the way for a geometry and float type."""
    channels, outputs = geometry.group()
    size = math.prod(geometry.output_size) * dtype.itemsize
    enough = _LEAST_VECTORS * VECTOR_BYTES <= size <= _MOST_BYTES
    return enough and channels <= _MOST_CHANNELS and outputs >= _SIDE


def plan_dots(geometry: Geometry, dtype: np.dtype[Any], weights: bool, bias: bool) -> Product:
    """Plan dw and dbias: a task is a chunk of images and a group."""
    channels, outputs = geometry.group()
    (height, width), (kernel_h, kernel_w) = geometry.output_size, geometry.kernel
    lanes = VECTOR_BYTES // dtype.itemsize
    whole = lanes // math.gcd(lanes, width)  # so many rows are vectors without a rest
    size = channels * kernel_w * dtype.itemsize
    rows = next((r for r in range(height, 0, -1) if size * geometry.plane(r) <= _PLANES_BYTES), 1)
    rows = rows if rows == height else max(rows // whole * whole, min(rows, whole))
    plane = geometry.plane(rows)
    frame = geometry.phase_rows(rows) * (geometry.width + 2 * geometry.pad[1]) + SLACK
    scratch = channels * kernel_w * plane + SLACK + frame + SLACK
    scratch += -scratch % SLACK
    chunks = min(geometry.images, max(1, _TASKS // geometry.groups))
    sums = chunks * geometry.groups * outputs * (channels * kernel_h * kernel_w + 1)
    sums += -sums % SLACK
    pieces, strips = -(-outputs // _SIDE), -(-kernel_w // _SIDE)
    code = [
        dot_kernel(dtype.name, tall, broad) if (i == 0 or outputs % pieces) and (j == 0 or kernel_w % strips) else 0
        for i, tall in enumerate((outputs // pieces, outputs // pieces + 1))
        for j, broad in enumerate((kernel_w // strips, kernel_w // strips + 1))
    ]
    numbers = [*geometry.numbers(dtype), rows, 1, plane, geometry.phase_rows(rows), scratch, sums]
    numbers += [pieces, outputs // pieces, outputs % pieces, strips, kernel_w // strips, kernel_w % strips, *code]
    numbers += [lanes, chunks, int(weights), int(bias)]
    return Product(np.array(numbers, np.int64), chunks * geometry.groups, sums + scratch * most_threads())


def weight_gradient(product: Product, x: Array, dy: Array, dw: Array, dbias: Array, scratch: Array) -> None:
    """Add to dw and dbias, each unless it is empty."""
    run(_sum_dots, product.tasks, (x, dy, scratch), product.numbers)
    run(_add_dots, int(product.numbers[GROUPS]), (dw, dbias, scratch), product.numbers)


@task("fffff")
def _sum_dots(number: int, thread: int, x: Array, dy: Array, scratch: Array, _d: Array, _e: Array, g: Numbers) -> None:
    """Write the partial sums of one chunk of images and group, those of the biases behind those of the weights."""
    og, cg, kernel_h, kernel_w, width = g[OUTPUTS], g[CHANNELS], g[KERNEL_H], g[KERNEL_W], g[OUT_W]
    group, chunk, pixels, depth = number % g[GROUPS], number // g[GROUPS], g[OUT_H] * width, cg * kernel_h * kernel_w
    at = g[SCRATCH_AT] + thread * g[SCRATCH]
    sums = number * og * (depth + 1)
    bias = sums + og * depth
    for i in range(sums, bias + og):
        scratch[i] = 0
    for n in range(chunk * g[IMAGES] // g[_CHUNKS], (chunk + 1) * g[IMAGES] // g[_CHUNKS]):
        image = n * g[GROUPS] + group
        if g[_WANT_BIAS]:
            for o in range(og):
                total = scratch[bias + o]
                for p in range((image * og + o) * pixels, (image * og + o + 1) * pixels):
                    total += dy[p]
                scratch[bias + o] = total
        for row in range(0, g[OUT_H] * g[_WANT_WEIGHTS], g[BLOCK_ROWS]):
            rows = min(g[BLOCK_ROWS], g[OUT_H] - row)
            frame = at + cg * kernel_w * g[PLANE] + SLACK
            pack_planes(x, image * cg * g[HEIGHT] * g[WIDTH], scratch, at, frame, g, row, rows, cg)
            vectors = rows * width // g[_LANES]
            for tile in range(g[_PIECES] * cg * kernel_h * g[_STRIPS]):
                piece, strip = tile // (cg * kernel_h * g[_STRIPS]), tile % g[_STRIPS]
                line = tile // g[_STRIPS] % (cg * kernel_h)  # of the kernels: (c, kh)
                i, j = piece * g[_HEIGHT] + min(piece, g[_HIGHER]), strip * g[_BREADTH] + min(strip, g[_BROADER])
                code = g[_CODE + 2 * (piece < g[_HIGHER]) + (strip < g[_BROADER])]
                kh = line % kernel_h * g[DILATION_H]
                shift = (kh % g[STRIDE_H] * g[PHASE_ROWS] + kh // g[STRIDE_H]) * width
                source = (image * og + i) * pixels + row * width
                plane = at + (line // kernel_h * kernel_w + j) * g[PLANE] + shift
                target = sums + i * depth + line * kernel_w + j
                if vectors > 0:
                    add_dots(code, vectors, dy, source, pixels, scratch, plane, g[PLANE], scratch, target, depth)
                for p in range(vectors * g[_LANES], rows * width):
                    for o in range(g[_HEIGHT] + (piece < g[_HIGHER])):
                        for k in range(g[_BREADTH] + (strip < g[_BROADER])):
                            scratch[target + o * depth + k] += (
                                dy[source + o * pixels + p] * scratch[plane + k * g[PLANE] + p]
                            )


@task("fffff")
def _add_dots(
    group: int, _thread: int, dw: Array, dbias: Array, scratch: Array, _d: Array, _e: Array, g: Numbers
) -> None:
    """Add the partial sums of one group to dw and dbias, chunk by chunk in order."""
    og, depth = g[OUTPUTS], g[CHANNELS] * g[KERNEL_H] * g[KERNEL_W]
    for chunk in range(g[_CHUNKS]):
        sums = (chunk * g[GROUPS] + group) * og * (depth + 1)
        for i in range(og * depth * g[_WANT_WEIGHTS]):
            dw[group * og * depth + i] += scratch[sums + i]
        for o in range(og * g[_WANT_BIAS]):
            dbias[group * og + o] += scratch[sums + og * depth + o]
