"""Products of matrices: C = op(A) op(B) and C += op(A) op(B), row-major, of any size.

    C[i, j] (+)= bias + sum_k A[i, k] B[k, j]

A is read where it stands, one number at a time; B is read a vector at a time, so rows of tiles of it are packed into
panels. Where B is transposed, packing would cost most, so the roles are exchanged (C' = B' A') whenever that is
cheaper. Tiles, panels and blocks depend on the shapes alone: results are the same bits for any number of threads.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from pycaffelite.kernels import dot, streams
from pycaffelite.kernels._jit import Array, kernel
from pycaffelite.kernels.microkernel import (
    ACCUMULATE,
    MAX_HEIGHT,
    ROW_BIAS,
    ZERO,
    multiply_tile,
    row_tiles,
    tile_kernel,
    tile_width,
)
from pycaffelite.kernels.moves import SHORT, copy8
from pycaffelite.kernels.tasks import run, task
from pycaffelite.kernels.workspace import most_threads, workspace

Numbers = npt.NDArray[np.int64]

# Places in the vector of numbers that describes a product.
ROWS, COLUMNS, DEPTH, A_ROW, A_STEP, B_STEP, B_COLUMN, C_ROW, C_COLUMN = range(9)
TILES, HEIGHT, HIGHER, ADDRESS, HIGHER_ADDRESS, TILE_WIDTH = range(9, 15)
TILES_BLOCK, COLUMNS_BLOCK, DEPTH_BLOCK, PREPACK, BIAS, ADD, SCRATCH, PACKED, ENDED, EXCHANGED, ORDER = range(15, 26)
_PANELS_FIRST, _ROWS_FIRST, _IN_PLACE = range(3)  # the outer loop: panels, each packed, or row tiles; or B not packed
_NO_BIAS, _BIAS_OF_ROWS, _BIAS_OF_COLUMNS = range(3)

_TASKS = 16  # tasks to aim for, whatever the number of threads
_PANEL_BYTES = 32 * 1024  # a panel of B that stays in the first cache
_CACHE_BYTES = 1 << 20  # a matrix that stays in the second cache
_FEW_ROWS = 16  # of C: so few that packing B would cost more than multiplying
_STREAMS = 16  # rows of B that are read side by side
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
    scale: Array | None = None,
    slope: float | None = None,
) -> None:
    """Compute c (+)= op(a) op(b), times scale[j] plus bias[j] in every column j, v > 0 as it is and others times slope.

    Args:
        a: M x K, or K x M when transpose_a; C-contiguous, like b and c, and of the same float type.
        b: K x N, or N x K when transpose_b.
        c: M x N; overwritten, or added to when accumulate.
        transpose_a: Whether a stands transposed.
        transpose_b: Whether b stands transposed.
        accumulate: Whether to keep what c holds; not together with bias.
        bias: N numbers; None or empty: 0.
        scale: N numbers; None or empty: 1. Not together with accumulate, nor is slope.
        slope: None: nothing is rectified.
    """
    rows, columns = c.shape
    depth = a.shape[0] if transpose_a else a.shape[1]
    if rows == 0 or columns == 0:
        return
    ending = _ending(columns, bias, scale, slope, c)
    if transpose_b and not (transpose_a or accumulate) and dot.pays(rows, depth):
        dot.dot(a, b, c, ending)
        return
    if not (transpose_b or ending.size) and streams.pays(rows, columns, depth, transpose_a, accumulate, c):
        streams.multiply(a, b, c, transpose_a, accumulate)
        return
    numbers, panels, tasks, scratch = _plan(
        rows, columns, depth, transpose_a, transpose_b, ending.size, accumulate, c.dtype
    )
    first, second = (b, a) if numbers[EXCHANGED] else (a, b)
    first, second, result = first.reshape(-1), second.reshape(-1), c.reshape(-1)
    space = workspace(c.dtype, scratch)
    if panels:
        run(_prepack, panels, (second, space), numbers)
    run(_block, tasks, (first, second, result, ending, space), numbers)


def _ending(columns: int, bias: Array | None, scale: Array | None, slope: float | None, c: Array) -> Array:
    """Return nothing, or N shifts, and with them N scales if there are any, and a slope, in one array."""
    scales = 0 if scale is None else scale.size
    if scales == 0 and slope is None:
        return c.reshape(-1)[:0] if bias is None else bias
    ending = np.empty(columns + scales + 1, c.dtype)
    ending[:columns] = 0 if bias is None or bias.size == 0 else bias
    if scales:
        ending[columns:-1] = scale
    ending[-1] = 1 if slope is None else slope
    return ending


@cache
def _plan(
    rows: int,
    columns: int,
    depth: int,
    transpose_a: bool,
    transpose_b: bool,
    ending: int,
    add: bool,
    dtype: np.dtype[Any],
) -> tuple[Numbers, int, int, int]:
    """Choose roles, blocks and tiles.

    Returns:
        The numbers, how many panels of B to pack first, how many tasks there are, and the scratch in all.
    """
    a = (1, rows) if transpose_a else (depth, 1)  # strides: along rows, along depth
    b = (1, depth) if transpose_b else (columns, 1)  # strides: along depth, along columns
    as_is = depth * columns * (_GATHER if transpose_b else _COPY)
    exchanged = depth * rows * (_COPY if transpose_a else _GATHER) + _GATHER * rows * columns
    # A bias that is only rectified is added where it always is: the bits are those of two passes.
    bias, ended = 0 < ending <= columns + 1, (ending > columns) + (ending > columns + 1)
    kind = _BIAS_OF_COLUMNS if bias else _NO_BIAS
    strides = [*a, *b, columns, 1]
    in_place = not transpose_b and rows <= _FEW_ROWS and depth * columns * dtype.itemsize > _CACHE_BYTES
    exchange = exchanged < as_is and not in_place
    if exchange:
        kind = _BIAS_OF_ROWS if bias else _NO_BIAS
        strides = [b[1], b[0], a[1], a[0], 1, columns]
        rows, columns = columns, rows
    width = tile_width(dtype)
    tiles, height, higher = row_tiles(rows)
    addresses = [tile_kernel(dtype.name, height), tile_kernel(dtype.name, height + 1) if higher else 0]
    panels = -(-columns // width)
    order = _IN_PLACE if in_place else _PANELS_FIRST
    if strides[3] == 1 and tiles > 1 and depth < rows and depth * columns * dtype.itemsize <= _CACHE_BYTES:
        order = _ROWS_FIRST  # B stays in the cache, and C is written in runs as long as can be
    prepack = strides[3] != 1 or order == _ROWS_FIRST
    tiles_block, panels_block = _blocks(tiles, panels, rows * columns * depth, order)
    most = _STREAMS if order == _IN_PLACE else (4 if prepack else 1) * _PANEL_BYTES // (width * dtype.itemsize)
    depth_block = max(1, -(-depth // max(1, -(-depth // most))))
    numbers = [rows, columns, depth, *strides, tiles, height, higher, *addresses, width]
    scratch = depth_block * width + MAX_HEIGHT * width + SHORT
    packed = scratch * most_threads()
    numbers += [
        tiles_block,
        panels_block * width,
        depth_block,
        prepack,
        kind,
        add,
        scratch,
        packed,
        ended,
        exchange,
        order,
    ]
    tasks = -(-tiles // tiles_block) * -(-panels // panels_block)
    panels = panels if prepack else 0
    return np.array(numbers, np.int64), panels, tasks, packed + panels * depth * width


def _blocks(tiles: int, panels: int, work: int, order: int) -> tuple[int, int]:
    """Cut the tiles into about 16 tasks: whole columns if there are enough, so that no panel is packed twice."""
    if work < 1 << 15:
        return tiles, panels
    if order == _IN_PLACE:
        return tiles, -(-panels // most_threads())
    if order == _ROWS_FIRST and tiles >= _TASKS:
        return -(-tiles // _TASKS), panels
    across = min(panels, _TASKS)
    down = min(tiles, max(1, _TASKS // across))
    return -(-tiles // down), -(-panels // across)


@task("fffff")
def _prepack(number: int, _thread: int, b: Array, scratch: Array, _c: Array, _d: Array, _e: Array, g: Numbers) -> None:
    """Pack one panel of a transposed B for all tasks to come."""
    column = number * g[TILE_WIDTH]
    _pack(b, scratch, g[PACKED] + column * g[DEPTH], g, column, 0, g[DEPTH])


@kernel(inner=True)
def _pack(b: Array, target: Array, target_at: int, g: Numbers, column: int, k0: int, k1: int) -> None:
    """Copy a panel of B, with zeros right of the last column."""
    width = g[TILE_WIDTH]
    inside = min(width, g[COLUMNS] - column)
    for k in range(k0, k1):
        place, source = target_at + (k - k0) * width, k * g[B_STEP] + column * g[B_COLUMN]
        if g[B_COLUMN] == 1 and inside == width and width % SHORT == 0:
            for j in range(0, width, SHORT):
                copy8(target, place + j, b, source + j)
        else:
            for j in range(inside):
                target[place + j] = b[source + j * g[B_COLUMN]]
            for j in range(inside, width):
                target[place + j] = 0


@task("fffff")
def _block(number: int, thread: int, a: Array, b: Array, c: Array, bias: Array, scratch: Array, g: Numbers) -> None:
    """Write one block of C, depth block by depth block, panel by panel, tile by tile."""
    blocks = -(-g[COLUMNS] // g[COLUMNS_BLOCK])
    down, across, at, packed = number // blocks, number % blocks, thread * g[SCRATCH], g[PACKED]
    width, depth = g[TILE_WIDTH], g[DEPTH]
    cuts = -(-g[TILES] // g[TILES_BLOCK])
    first, last = down * g[TILES] // cuts, (down + 1) * g[TILES] // cuts
    panels = -(-g[COLUMNS] // width)
    j0, j1 = across * panels // blocks * width, min(g[COLUMNS], (across + 1) * panels // blocks * width)
    edge = at + g[DEPTH_BLOCK] * width
    for k0 in range(0, max(1, depth), g[DEPTH_BLOCK]):
        k1 = min(depth, k0 + g[DEPTH_BLOCK])
        later = k0 > 0 or g[ADD] > 0
        ended = g[ENDED] > 0 and k1 == depth
        start = ROW_BIAS if g[BIAS] == _BIAS_OF_ROWS and k0 == 0 else ZERO
        direct = g[C_COLUMN] == 1 and (later or g[BIAS] != _BIAS_OF_COLUMNS)
        panels = -(-(j1 - j0) // width)
        for turn in range(panels * (last - first)):
            if g[ORDER] == _ROWS_FIRST:
                tile, j = first + turn // panels, j0 + turn % panels * width
            else:
                tile, j = first + turn % (last - first), j0 + turn // (last - first) * width
            in_place = g[ORDER] == _IN_PLACE and direct and j + width <= j1
            panel = at
            if g[PREPACK]:
                panel = packed + j * depth + k0 * width
            elif tile == first and not in_place:
                _pack(b, scratch, panel, g, j, k0, k1)
            i = tile * g[HEIGHT] + min(tile, g[HIGHER])
            address = g[HIGHER_ADDRESS] if tile < g[HIGHER] else g[ADDRESS]
            source, target = i * g[A_ROW] + k0 * g[A_STEP], i * g[C_ROW] + j * g[C_COLUMN]
            mode = ACCUMULATE if later else start
            height, inside = g[HEIGHT] + (tile < g[HIGHER]), min(width, j1 - j)
            whole = direct and j + width <= j1
            second, second_at, second_row = (b, k0 * g[B_STEP] + j, g[B_STEP]) if in_place else (scratch, panel, width)
            result, result_at, result_row = (c, target, g[C_ROW]) if whole else (scratch, edge, width)
            multiply_tile(address, k1 - k0, a, source, g[A_ROW], g[A_STEP], second, second_at, second_row,
                          result, result_at, result_row, mode if whole else start, bias, i)  # fmt: skip
            if not whole:
                _copy_tile(scratch, edge, c, target, bias, j, g, height, inside, later)
            if ended:
                _end(c, target, bias, i, j, g, height, inside)


@kernel(inner=True)
def _copy_tile(
    tile: Array, at: int, c: Array, target: int, bias: Array, column: int, g: Numbers, height: int, columns: int,
    later: bool,
) -> None:  # fmt: skip
    """Write a tile that the micro-kernel cannot write itself: at the edge, transposed, with a bias of columns."""
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


@kernel(inner=True)
def _end(
    c: Array, target: int, ending: Array, row: int, column: int, g: Numbers, height: int, columns: int
) -> None:  # fmt: skip
    """Scale, shift and rectify a tile of C; where roles are exchanged, rows of tiles are columns of C."""
    count = g[ROWS] if g[EXCHANGED] else g[COLUMNS]
    slope = ending[g[ENDED] * count]
    for i in range(height):
        for j in range(columns):
            place = target + i * g[C_ROW] + j * g[C_COLUMN]
            value = c[place]
            if g[ENDED] > 1:
                one = row + i if g[EXCHANGED] else column + j
                value = value * ending[count + one] + ending[one]
            c[place] = value if value > 0 else value * slope


def add_column_sums(a: Array, rows: int, columns: int, target: Array) -> None:
    """Add the sum of each column of a (rows x columns, flat) to target; serial: one pass over a small matrix."""
    run(_add_columns, 1, (a, target), np.array([rows, columns], np.int64))


@task("fffff")
def _add_columns(
    _number: int, _thread: int, a: Array, target: Array, _c: Array, _d: Array, _e: Array, g: Numbers
) -> None:
    """Add the rows of a to target, one after the other."""
    for i in range(g[0]):
        for j in range(g[1]):
            target[j] += a[i * g[1] + j]
