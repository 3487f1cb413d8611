"""How a convolution is cut into tasks, blocks and tiles: numbers only, chosen once for a geometry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from pycaffelite.kernels.microkernel import MAX_HEIGHT, row_tiles, tile_kernel, tile_width
from pycaffelite.kernels.workspace import padded_stride

# Places in the vector of numbers that describes a convolution, all for one group.
IMAGES, GROUPS, CHANNELS, OUTPUTS, HEIGHT, WIDTH, OUT_H, OUT_W = range(8)
KERNEL_H, KERNEL_W, STRIDE_H, STRIDE_W, PAD_H, PAD_W, DILATION_H, DILATION_W, TILE_WIDTH = range(8, 17)

SLACK = 16  # elements that packing may write past the end of a row
_L2_TARGET = 256 * 1024  # bytes of packed patches that a task holds
_TASKS = 16  # tasks to aim for, so that many cores find work; independent of the number of threads

@dataclass(frozen=True)
class Geometry:
    """The lengths that a convolution is made of; h and w, strides, pads and dilations as Caffe names them."""

    images: int
    channels: int
    height: int
    width: int
    outputs: int
    kernel: tuple[int, int]
    stride: tuple[int, int] = (1, 1)
    pad: tuple[int, int] = (0, 0)
    dilation: tuple[int, int] = (1, 1)
    groups: int = 1

    @property
    def output_size(self) -> tuple[int, int]:
        """Height and width of the output."""
        sizes = []
        for axis, length in enumerate((self.height, self.width)):
            reach = self.dilation[axis] * (self.kernel[axis] - 1) + 1
            sizes.append((length + 2 * self.pad[axis] - reach) // self.stride[axis] + 1)
        return sizes[0], sizes[1]

    def numbers(self, dtype: npt.DTypeLike) -> npt.NDArray[np.int64]:
        """Return everything that kernels must know, in the order of the places above."""
        oh, ow = self.output_size
        per_group = self.channels // self.groups, self.outputs // self.groups
        return np.array(
            [self.images, self.groups, *per_group, self.height, self.width, oh, ow]
            + [*self.kernel, *self.stride, *self.pad, *self.dilation, tile_width(dtype)],
            np.int64,
        )


@dataclass(frozen=True)
class Plan:
    """How the three products of one convolution are cut into tasks and tiles; int64 vectors for the kernels."""

    numbers: npt.NDArray[np.int64]
    dtype: str
    forward: npt.NDArray[np.int64]
    weight: npt.NDArray[np.int64]
    data: npt.NDArray[np.int64]
    forward_rows: npt.NDArray[np.int64]
    data_rows: npt.NDArray[np.int64]
    scratch: tuple[int, int, int]  # elements a thread, for forward, weight and data
    partials: int  # elements of partial sums of the weight gradient


def make_plan(geometry: Geometry, dtype: npt.DTypeLike) -> Plan:
    """Choose blocks for this geometry; compiles the micro-kernels that it needs."""
    dtype = np.dtype(dtype)
    numbers = geometry.numbers(dtype)
    n, groups, cg, og, _, _, oh, ow, kh, kw = (int(value) for value in numbers[:10])
    pixels, area = oh * ow, kh * kw
    forward, forward_scratch = _forward_blocks(n * groups, cg * area, og, pixels, dtype)
    weight, weight_scratch, partials = _weight_blocks(geometry, dtype)
    data, data_scratch = _data_blocks(n * groups, cg, area, og, pixels, dtype)
    least = cg // int(data[0])
    return Plan(
        numbers,
        dtype.name,
        forward,
        weight,
        data,
        _rows(og, dtype.name),
        np.stack([_rows(least * area, dtype.name), _rows((least + bool(cg % data[0])) * area, dtype.name)]),
        (forward_scratch, weight_scratch, data_scratch),
        partials,
    )


def _rows(rows: int, dtype: str) -> npt.NDArray[np.int64]:
    """Return (tiles, lesser height, how many are one higher, address for the lesser, address for the higher)."""
    tiles, height, higher = row_tiles(rows)
    higher_address = tile_kernel(dtype, height + 1) if higher else 0
    return np.array([tiles, height, higher, tile_kernel(dtype, height), higher_address], np.int64)


def _even(total: int, most: int) -> int:
    """Return the size of the pieces when `total` is cut into equal pieces of at most `most`."""
    pieces = max(1, -(-total // max(1, most)))
    return max(1, -(-total // pieces))


def _forward_blocks(
    units: int, depth: int, rows: int, pixels: int, dtype: np.dtype[Any]
) -> tuple[npt.NDArray[np.int64], int]:
    """Choose (pixels a block, their stride, depth a block, row tiles a block) and the scratch that they need."""
    width, itemsize = tile_width(dtype), dtype.itemsize
    panels = -(-pixels // width)
    most = max(4, _L2_TARGET // (depth * width * itemsize))
    most = min(most, max(2, -(-panels * units // _TASKS)))
    pixel_block = _even(panels, most) * width
    stride = padded_stride(pixel_block, dtype)
    depth_block = _even(depth, max(64, 2 * _L2_TARGET // (stride * itemsize)))
    tiles = row_tiles(rows)[0]
    pieces = min(tiles, max(1, _TASKS // (units * -(-pixels // pixel_block))))
    scratch = depth_block * stride + MAX_HEIGHT * width + SLACK
    return np.array([pixel_block, stride, depth_block, -(-tiles // pieces)], np.int64), scratch


def _weight_blocks(geometry: Geometry, dtype: np.dtype[Any]) -> tuple[npt.NDArray[np.int64], int, int]:
    """Choose the blocks of the weight gradient.

    The vector holds: channels a block, stride of packed rows, pixels a block, images a chunk, stride of partial sums.
    """
    n, groups, cg, og, height, width, oh, ow, kh, kw = (int(value) for value in geometry.numbers(dtype)[:10])
    area, columns = kh * kw, tile_width(dtype)
    block = _channel_block(cg, area, columns)
    blocks = -(-cg // block)
    chunks = min(n, max(1, -(-_TASKS // (groups * blocks))))
    images = -(-n // max(1, chunks)) if n else 1
    stride = padded_stride(block * area, dtype)
    pixel_block = _even(oh * ow, max(64, _L2_TARGET // (stride * dtype.itemsize)))
    partial_stride = -(-block * area // columns) * columns
    padded = block * (height + 2 * geometry.pad[0]) * (width + 2 * geometry.pad[1])
    scratch = padded + 2 * SLACK + pixel_block * stride + columns
    chunks = -(-n // images)
    partials = chunks * groups * (og * partial_stride * blocks + og)
    return np.array([block, stride, pixel_block, images, partial_stride], np.int64), scratch, partials


def _channel_block(channels: int, area: int, columns: int) -> int:
    """Return how many channels make a block of about four tiles' width that wastes least of its last tile."""
    most = min(channels, max(1, 4 * columns // area))
    least = max(1, most // 2)

    def waste(block: int) -> float:
        tiles = -(-block * area // columns) * -(-channels // block)
        return tiles * columns / (channels * area)

    return min(range(most, least - 1, -1), key=waste)


def _data_blocks(
    units: int, channels: int, area: int, outputs: int, pixels: int, dtype: np.dtype[Any]
) -> tuple[npt.NDArray[np.int64], int]:
    """Choose (blocks of channels, pixels a block, their stride) of the data gradient, and the scratch."""
    width, itemsize = tile_width(dtype), dtype.itemsize
    blocks = -(-channels // max(1, 4 * MAX_HEIGHT // area))
    if units < _TASKS:
        blocks = max(blocks, min(channels, -(-_TASKS // max(1, units))))
    rows = -(-channels // blocks) * area
    panels = -(-pixels // width)
    pixel_block = _even(panels, max(2, _L2_TARGET // (2 * rows * width * itemsize))) * width
    stride = padded_stride(pixel_block, dtype)
    scratch = rows * stride + outputs * width + SLACK
    return np.array([blocks, pixel_block, stride], np.int64), scratch
