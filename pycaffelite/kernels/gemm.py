"""Products of matrices: C = op(A) op(B) and C += op(A) op(B), row-major, of any size.

    C[i, j] (+)= bias + sum_k A[i, k] B[k, j]

A is read where it stands, one number at a time; B is read a vector at a time, so rows of tiles of it are packed into
panels. Where B is transposed, packing would cost most, so the roles are exchanged (C' = B' A') whenever that is
cheaper. Tiles, panels and blocks depend on the shapes alone: results are the same bits for any number of threads.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

from pycaffelite.kernels._jit import Array, kernel, prange, thread_id
from pycaffelite.kernels.microkernel import (
    ACCUMULATE,
    MAX_HEIGHT,
    ROW_BIAS,
    SHORT,
    ZERO,
    copy8,
    multiply_tile,
    row_tiles,
    tile_kernel,
    tile_width,
)
from pycaffelite.kernels.workspace import most_threads, workspace

# Places in the vector of numbers that describes a product.
ROWS, COLUMNS, DEPTH, A_ROW, A_STEP, B_STEP, B_COLUMN, C_ROW, C_COLUMN = range(9)
TILES, HEIGHT, HIGHER, ADDRESS, HIGHER_ADDRESS, TILE_WIDTH = range(9, 15)
TILES_BLOCK, COLUMNS_BLOCK, DEPTH_BLOCK, PREPACK, BIAS, ADD = range(15, 21)
_NO_BIAS, _BIAS_OF_ROWS, _BIAS_OF_COLUMNS = range(3)

_TASKS = 16  # tasks to aim for, whatever the number of threads
_PANEL_BYTES = 32 * 1024  # a panel of B that stays in the first cache
_COPY, _GATHER = 1, 8  # what moving an element costs, in a run and one by one


def gemm(
    a: Array,
    b: Array,
    c: Array,
    *,
    transpose_a: bool = False,
    transpose_b: bool = False,
    accumulate: bool = False,
    bias: Array | None = None,
) -> None:
    """Compute c (+)= op(a) op(b), plus bias[j] in every column j.

    Args:
        a: M x K, or K x M when transpose_a; C-contiguous, like b and c, and of the same float type.
        b: K x N, or N x K when transpose_b.
        c: M x N; overwritten, or added to when accumulate.
        transpose_a: Whether a stands transposed.
        transpose_b: Whether b stands transposed.
        accumulate: Whether to keep what c holds; not together with bias.
        bias: N numbers, or None.
    """
    rows, columns = c.shape
    depth = a.shape[0] if transpose_a else a.shape[1]
    if rows == 0 or columns == 0:
        return
    numbers, scratch = _plan(rows, columns, depth, transpose_a, transpose_b, bias is not None, accumulate, c.dtype.name)
    first, second = (b, a) if numbers[C_COLUMN] != 1 else (a, b)
    flat_bias = c.reshape(-1)[:0] if bias is None else bias
    packed = scratch * most_threads()
    panels = -(-int(numbers[COLUMNS]) // int(numbers[TILE_WIDTH])) if numbers[PREPACK] else 0
    space = workspace(c.dtype, packed + panels * depth * int(numbers[TILE_WIDTH]))
    _gemm(first.reshape(-1), second.reshape(-1), c.reshape(-1), flat_bias, space, scratch, packed, numbers)


@cache
def _plan(
    rows: int, columns: int, depth: int, transpose_a: bool, transpose_b: bool, bias: bool, add: bool, dtype: str
) -> tuple[npt.NDArray[np.int64], int]:
    """Choose roles, blocks and tiles; return the numbers and how much scratch a thread needs."""
    a = (1, rows) if transpose_a else (depth, 1)  # strides: along rows, along depth
    b = (1, depth) if transpose_b else (columns, 1)  # strides: along depth, along columns
    as_is = depth * columns * (_GATHER if transpose_b else _COPY)
    exchanged = depth * rows * (_COPY if transpose_a else _GATHER) + _GATHER * rows * columns
    kind = _BIAS_OF_COLUMNS if bias else _NO_BIAS
    strides = [*a, *b, columns, 1]
    if exchanged < as_is:
        kind = _BIAS_OF_ROWS if bias else _NO_BIAS
        strides = [b[1], b[0], a[1], a[0], 1, columns]
        rows, columns = columns, rows
    width = tile_width(dtype)
    tiles, height, higher = row_tiles(rows)
    addresses = [tile_kernel(dtype, height), tile_kernel(dtype, height + 1) if higher else 0]
    prepack = strides[3] != 1
    panels = -(-columns // width)
    tiles_block, panels_block = _blocks(tiles, panels, rows * columns * depth)
    most = (4 if prepack else 1) * _PANEL_BYTES // (width * np.dtype(dtype).itemsize)
    depth_block = max(1, -(-depth // max(1, -(-depth // most))))
    numbers = [rows, columns, depth, *strides, tiles, height, higher, *addresses, width]
    numbers += [tiles_block, panels_block * width, depth_block, prepack, kind, add]
    return np.array(numbers, np.int64), depth_block * width + MAX_HEIGHT * width + SHORT


def _blocks(tiles: int, panels: int, work: int) -> tuple[int, int]:
    """Cut the tiles into about 16 tasks: whole columns if there are enough, so that no panel is packed twice."""
    if work < 1 << 15:
        return tiles, panels
    across = min(panels, _TASKS)
    down = min(tiles, max(1, _TASKS // across))
    return -(-tiles // down), -(-panels // across)


@kernel(parallel=True)
def _gemm(a, b, c, bias, scratch, size, packed, g):  # type: ignore[no-untyped-def]
    """Run the product; parallel over blocks of C, after packing B in parallel where it is transposed."""
    if g[PREPACK]:
        for panel in prange(-(-g[COLUMNS] // g[TILE_WIDTH])):
            column = panel * g[TILE_WIDTH]
            _pack(b, scratch, packed + column * g[DEPTH], g, column, 0, g[DEPTH])
    across = -(-g[COLUMNS] // g[COLUMNS_BLOCK])
    for task in prange(across * -(-g[TILES] // g[TILES_BLOCK])):
        _block(a, b, c, bias, scratch, thread_id() * size, packed, g, task // across, task % across)


@kernel()
def _pack(b, target, target_at, g, column, k0, k1):  # type: ignore[no-untyped-def]
    """Copy a panel of B, with zeros right of the last column."""
    width = g[TILE_WIDTH]
    inside = min(width, g[COLUMNS] - column)
    for k in range(k0, k1):
        place, source = target_at + (k - k0) * width, k * g[B_STEP] + column * g[B_COLUMN]
        if g[B_COLUMN] == 1 and inside == width:
            for j in range(0, width, SHORT):
                copy8(target, place + j, b, source + j)
        else:
            for j in range(inside):
                target[place + j] = b[source + j * g[B_COLUMN]]
            for j in range(inside, width):
                target[place + j] = 0


@kernel()
def _block(a, b, c, bias, scratch, at, packed, g, down, across):  # type: ignore[no-untyped-def]
    """Write one block of C, depth block by depth block, panel by panel, tile by tile."""
    width, depth = g[TILE_WIDTH], g[DEPTH]
    first, last = down * g[TILES_BLOCK], min(g[TILES], (down + 1) * g[TILES_BLOCK])
    j0, j1 = across * g[COLUMNS_BLOCK], min(g[COLUMNS], (across + 1) * g[COLUMNS_BLOCK])
    edge = at + g[DEPTH_BLOCK] * width
    for k0 in range(0, max(1, depth), g[DEPTH_BLOCK]):
        k1 = min(depth, k0 + g[DEPTH_BLOCK])
        later = k0 > 0 or g[ADD] > 0
        start = ROW_BIAS if g[BIAS] == _BIAS_OF_ROWS and k0 == 0 else ZERO
        for j in range(j0, j1, width):
            panel = packed + j * depth + k0 * width
            if not g[PREPACK]:
                panel = at
                _pack(b, scratch, panel, g, j, k0, k1)
            for tile in range(first, last):
                i = tile * g[HEIGHT] + min(tile, g[HIGHER])
                address = g[HIGHER_ADDRESS] if tile < g[HIGHER] else g[ADDRESS]
                source, target = i * g[A_ROW] + k0 * g[A_STEP], i * g[C_ROW] + j * g[C_COLUMN]
                if j + width <= j1 and g[C_COLUMN] == 1 and (later or g[BIAS] != _BIAS_OF_COLUMNS):
                    multiply_tile(address, k1 - k0, a, source, g[A_ROW], g[A_STEP], scratch, panel, width,
                                  c, target, g[C_ROW], ACCUMULATE if later else start, bias, i)  # fmt: skip
                else:
                    multiply_tile(address, k1 - k0, a, source, g[A_ROW], g[A_STEP], scratch, panel, width,
                                  scratch, edge, width, start, bias, i)  # fmt: skip
                    height = g[HEIGHT] + (tile < g[HIGHER])
                    _finish(scratch, edge, c, target, bias, j, g, height, min(width, j1 - j), later)


@kernel()
def _finish(tile, at, c, target, bias, column, g, height, columns, later):  # type: ignore[no-untyped-def]
    """Write a tile that the micro-kernel cannot write itself: at the edge, transposed, or with a bias of columns."""
    width = g[TILE_WIDTH]
    for i in range(height):
        for j in range(columns):
            value = tile[at + i * width + j]
            place = target + i * g[C_ROW] + j * g[C_COLUMN]
            if later:
                value += c[place]
            elif g[BIAS] == _BIAS_OF_COLUMNS:
                value += bias[column + j]
            c[place] = value


@kernel()
def add_column_sums(a, rows, columns, target):  # type: ignore[no-untyped-def]
    """Add the sum of each column of a (rows x columns, flat) to target; serial: it is one pass over a small matrix."""
    for i in range(rows):
        for j in range(columns):
            target[j] += a[i * columns + j]
