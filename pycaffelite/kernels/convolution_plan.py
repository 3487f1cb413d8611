"""How a convolution is cut into tasks, blocks and tiles: numbers only, chosen once for a geometry.

Input channels are packed into *planes*: for each channel and each kernel column kw, the rows of the padded input, of
which each holds only the pixels that kw meets, one for each output column. In a plane, the pixels that kernel row kh
meets are one contiguous run for the whole block of output rows, `shift(kh)` elements from the plane's beginning: so
kernel rows cost no packing. With a stride of s, rows are sorted by their number modulo s (their *phase*), which keeps
this true.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from pycaffelite.kernels.microkernel import (
    RECTIFY,
    ROW_BIAS,
    SCALE,
    VECTORS,
    ZERO,
    row_tiles,
    tile_kernel,
    tile_width,
)
from pycaffelite.kernels.moves import SHORT
from pycaffelite.kernels.workspace import most_threads, padded_stride

Numbers = npt.NDArray[np.int64]

# Places in the vector of numbers that each product gets. The geometry; channels and outputs are those of a group:
IMAGES, GROUPS, CHANNELS, OUTPUTS, HEIGHT, WIDTH, OUT_H, OUT_W = range(8)
KERNEL_H, KERNEL_W, STRIDE_H, STRIDE_W, PAD_H, PAD_W, DILATION_H, DILATION_W, TILE_WIDTH = range(8, 17)
# What all products have: elements of x; output rows a block; blocks of channels; elements of a plane; rows of a phase;
# elements of scratch that one thread owns, and where the first thread's begin.
X_SIZE, BLOCK_ROWS, BLOCKS, PLANE, PHASE_ROWS, SCRATCH, SCRATCH_AT = range(17, 24)
# Row tiles: how many, the lesser height, how many are one higher, addresses for both heights. The second set is for
# tiles of one vector (weight gradient) or for blocks with one channel more (data gradient).
TILES, TILE_HEIGHT, HIGHER, ADDRESS, HIGHER_ADDRESS = range(24, 29)
SECOND = 5
# Forward: what a tile starts from and how it ends, as the micro-kernel knows it; the bits of the slope, as a double;
# row tiles a block; whether pixels are read where they stand; the distance of rows of packed weights, 0 where they are
# not packed; and from TABLE on the offset of each row of the packed matrix.
START, FINISH, SLOPE, BLOCK_TILES, IN_PLACE, WEIGHT_ROW, TABLE = range(34, 41)
# Weight gradient: distance of packed rows, kernel rows that are multiplied one by one (1: all at once), distance of
# rows of partial sums, whether weights and bias are wanted, chunks of images.
ROW, SHIFTS, SUM_ROW, WANT_WEIGHTS, WANT_BIAS, CHUNKS = range(34, 40)

SLACK = 32  # elements that packing may write, or a tile read, past the end
_L2_BYTES = 512 * 1024  # of packed pixels that a task holds
_L1_BYTES = 24 * 1024  # of packed pixels that are read often
_TASKS = 16  # tasks to aim for, so that many cores find work; independent of the number of threads
_SUMS_BYTES = 1 << 20  # of partial weight gradients, beyond which images are not split


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

    @property
    def x_size(self) -> int:
        """The number of elements of the input."""
        return self.images * self.channels * self.height * self.width

    def group(self) -> tuple[int, int]:
        """Return the input and output channels of a group."""
        return self.channels // self.groups, self.outputs // self.groups

    def phase_rows(self, rows: int) -> int:
        """Return how many rows of each phase a block of output rows meets."""
        return rows + (self.kernel[0] - 1) * self.dilation[0] // self.stride[0]

    def plane(self, rows: int) -> int:
        """Return the elements of a plane for a block of output rows."""
        return self.stride[0] * self.phase_rows(rows) * self.output_size[1]

    def shift(self, kh: int, rows: int) -> int:
        """Return where in a plane the run of a kernel row begins."""
        index, phase = divmod(kh * self.dilation[0], self.stride[0])
        return (phase * self.phase_rows(rows) + index) * self.output_size[1]

    def numbers(self, dtype: npt.DTypeLike) -> list[int]:
        """Return the numbers of the geometry in the order of their places."""
        sizes = [self.images, self.groups, *self.group(), self.height, self.width, *self.output_size]
        return [*sizes, *self.kernel, *self.stride, *self.pad, *self.dilation, tile_width(dtype), self.x_size]


@dataclass(frozen=True)
class Product:
    """What one product needs: its numbers, how many tasks it has, and how much scratch memory in all."""

    numbers: Numbers
    tasks: int
    scratch: int


def rows_of_tiles(rows: int, dtype: np.dtype[Any], vectors: int = VECTORS, indexed: bool = False) -> list[int]:
    """Return the five numbers of row tiles; compiles their micro-kernels."""
    tiles, height, higher = row_tiles(rows)
    addresses = [tile_kernel(dtype.name, size, vectors, indexed) for size in (height, height + 1 if higher else 0)]
    return [tiles, height, higher, *addresses]


@dataclass(frozen=True)
class Ending:
    """What is done to a sum before it is written: y = act(scale[o] sum + shift[o]); act(v) = v if v > 0 else slope v.

    Attributes:
        scale: Whether there is a scale; then there is a shift as well.
        shift: Whether there is a shift, or bias.
        slope: The slope, or None where nothing is rectified.
    """

    scale: bool = False
    shift: bool = False
    slope: float | None = None

    def numbers(self) -> list[int]:
        """Return what the micro-kernel starts from, how it ends, and the bits of the slope."""
        finish = (SCALE if self.scale else 0) | (0 if self.slope is None else RECTIFY)
        return [
            ROW_BIAS if self.shift and not self.scale else ZERO,
            finish,
            int(np.float64(self.slope or 0).view(np.int64)),
        ]


def _block_rows(geometry: Geometry, channels: int, dtype: np.dtype[Any]) -> int:
    """Return how many output rows make a block: few enough for the cache, wasting little."""
    height, width = geometry.output_size
    columns = tile_width(dtype)

    def size(rows: int) -> int:
        return min(channels, 16) * geometry.kernel[1] * geometry.plane(rows) * dtype.itemsize

    fitting = [rows for rows in range(1, height + 1) if size(rows) <= _L2_BYTES]
    if not fitting:
        return height if height * width <= 2 * columns else max(1, min(height, -(-columns // width)))

    def cost(rows: int) -> float:
        full, rest = divmod(height, rows)
        tiles = full * -(-rows * width // columns) + -(-rest * width // columns)
        packed = full * geometry.phase_rows(rows) + (geometry.phase_rows(rest) if rest else 0)
        return tiles * columns / (height * width) + 0.1 * packed / height

    return min(reversed(fitting), key=cost)


def plan_weights(geometry: Geometry, dtype: np.dtype[Any], weights: bool, bias: bool) -> Product:
    """Plan dw and dbias: a task is a chunk of images, a group and a block of channels."""
    channels, outputs = geometry.group()
    height, width = geometry.output_size
    kernel_h, kernel_w = geometry.kernel
    columns = tile_width(dtype)
    extra = _waste(channels * kernel_w, columns) - _waste(kernel_h * kernel_w * channels, columns)
    shifts = kernel_h if extra <= 0.15 else 1
    area = kernel_w * (1 if shifts > 1 else kernel_h)
    block = max(1, min(channels, 256 // area))
    blocks = -(-channels // block)
    block = -(-channels // blocks)
    sum_row = -(-block * area // columns) * columns
    piece = shifts * outputs * sum_row
    units = geometry.groups * blocks
    most = max(1, _SUMS_BYTES // (units * piece * dtype.itemsize))
    chunks = max(1, min(geometry.images, -(-_TASKS // units), most))
    row = padded_stride(max(sum_row, block * area + SHORT), dtype)  # a run that is written too far stays in its row
    room = _L2_BYTES if shifts > 1 else _L1_BYTES
    halo = (kernel_h - 1) * geometry.dilation[0] // geometry.stride[0] if shifts > 1 else 0
    rows = max(1, min(height, room // (row * width * dtype.itemsize) - halo))
    rows = -(-height // -(-height // rows))
    packed_rows = geometry.stride[0] * geometry.phase_rows(rows) if shifts > 1 else rows
    padded = block * (geometry.height + 2 * geometry.pad[0]) * (geometry.width + 2 * geometry.pad[1])
    scratch = padded + packed_rows * width * row + 2 * SLACK
    scratch += -scratch % SLACK
    sums = chunks * units * piece + chunks * geometry.groups * outputs
    common = [rows, blocks, 0, geometry.phase_rows(rows), scratch, sums]
    tiles = [*rows_of_tiles(outputs, dtype), *rows_of_tiles(outputs, dtype, 1)]
    own = [row, shifts, sum_row, int(weights), int(bias), chunks]
    numbers = [*geometry.numbers(dtype), *common, *tiles, *own]
    return Product(np.array(numbers, np.int64), chunks * units, sums + scratch * most_threads())


def _waste(count: int, columns: int) -> float:
    """Return the share of empty columns when tiles are full or half."""
    half = columns // 2
    return -(-count // half) * half / count - 1


def plan_data(geometry: Geometry, dtype: np.dtype[Any]) -> Product:
    """Plan dx: a task is an image, a group and a block of channels."""
    channels, outputs = geometry.group()
    kernel_w = geometry.kernel[1]
    units = geometry.images * geometry.groups
    rows = _block_rows(geometry, channels, dtype)
    plane = geometry.plane(rows)
    most = max(1, _L2_BYTES // (kernel_w * plane * dtype.itemsize))
    blocks = min(channels, max(-(-channels // most), -(-_TASKS // max(1, units))))
    least = channels // blocks
    width = tile_width(dtype)
    panel = (least + 1) * kernel_w * plane + SLACK + width
    scratch = panel + outputs * width + SLACK
    permuted = geometry.groups * outputs * channels * geometry.kernel[0] * kernel_w
    permuted += -permuted % SLACK
    tiles = rows_of_tiles(least * kernel_w, dtype)
    more = rows_of_tiles((least + 1) * kernel_w, dtype) if channels % blocks else [0] * SECOND
    common = [rows, blocks, plane, geometry.phase_rows(rows), scratch, permuted]
    numbers = [*geometry.numbers(dtype), *common, *tiles, *more]
    return Product(np.array(numbers, np.int64), units * blocks, permuted + scratch * most_threads())
