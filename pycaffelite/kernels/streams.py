"""Products with a matrix so large that it passes by once, at the speed of memory: the gradients of wide layers.

    C[i, j] = sum_k A[k, i] B[k, j]           few k: C is large, and written past the caches
    C[i, j] (+)= sum_k A[i, k] B[k, j]        few i: B is large, and asked for before it is used

A processor reads what it is about to write, unless it is told that nobody needs it soon; that makes up half of the time
of the first. Of the second it foresees too little by itself: not many lines ahead, and not beyond a page.

A tile is some rows of C by two vectors of them, which stay in registers; its numbers of A are packed. All additions are
in the order of k, so results are the same bits for any number of threads.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import types
from numba.extending import intrinsic

from pycaffelite.kernels._jit import JIT_ENABLED, Array
from pycaffelite.kernels.microkernel import MAX_HEIGHT, VECTOR_BYTES, VECTORS, tile_width
from pycaffelite.kernels.tasks import Task, run, task
from pycaffelite.kernels.vectors import WORD, Vectors, element, word
from pycaffelite.kernels.workspace import most_threads, workspace

Numbers = npt.NDArray[np.int64]

TASKS, ROWS, COLUMNS, DEPTH, WIDTH, BLOCK, ADD, SCRATCH = range(8)  # places in the vector of numbers

_LARGE = 8 << 20  # bytes of C that have left the caches by the time they are read
_SHALLOW = 64  # so few products a number that memory takes most of the time
_TASKS = 16  # of rows of C, whatever the number of threads
_BLOCK_BYTES = 32 * 1024  # of B that stay in the first cache while rows of C are written
_LINE = 64  # bytes

_PASSING = 1 << 20  # bytes of B that do not stay in the second cache
_TILES = 4  # above each other, that share what was read of B
_STEPS = 16  # rows of B that are read side by side
_AHEAD = 512  # bytes of them that are asked for before they are used


def pays(rows: int, columns: int, depth: int, transpose_a: bool, accumulate: bool, c: Array) -> bool:
    """Tell whether `multiply` is for this product, and quicker than products of blocks that stay in caches."""
    width = tile_width(c.dtype)
    if not transpose_a:
        return depth * columns * c.itemsize >= _PASSING and columns >= width and _height(rows) > 0
    large = c.nbytes >= _LARGE and 0 < depth <= _SHALLOW and rows >= _TASKS * MAX_HEIGHT and columns >= width
    return large and not accumulate and columns * c.itemsize % _LINE == 0 and c.ctypes.data % _LINE == 0


def multiply(a: Array, b: Array, c: Array, transpose_a: bool, accumulate: bool) -> None:
    """Compute c (+)= op(a) b; not both transpose_a and accumulate.

    Args:
        a: M x K, or K x M when transpose_a.
        b: K x N.
        c: M x N; overwritten, or added to when accumulate.
        transpose_a: Whether a stands transposed.
        accumulate: Whether to keep what c holds.
    """
    (rows, columns), depth, width = c.shape, len(b), tile_width(c.dtype)
    if transpose_a:
        work, tasks, each = _write_rows, _TASKS, depth * MAX_HEIGHT
        block = max(1, _BLOCK_BYTES // (depth * c.itemsize * width)) * width
    else:
        work, tasks, each, block = _add_rows(_height(rows)), most_threads(), rows * _STEPS, _STEPS
    g = np.array([tasks, rows, columns, depth, width, block, accumulate, each], np.int64)
    space = workspace(c.dtype, each * most_threads())
    run(work, tasks, (a.reshape(-1), b.reshape(-1), c.reshape(-1), space), g)


@cache
def _height(rows: int) -> int:
    """Return how high tiles must be for a few of them, all alike, to cover the rows; 0 if there is no such height."""
    return next((height for height in range(MAX_HEIGHT, 0, -1) if rows % height == 0 and rows <= _TILES * height), 0)


def _tile_of(height: int, large: bool) -> Any:
    """Make an intrinsic that computes a tile of C from packed numbers of A and some rows of B.

    It overwrites the tile, past the caches, if C is what is `large`, else it adds to the tile.

    a, a_at: `height` numbers for each step; b, b_at, b_row: where the rows begin, and their distance; c likewise.
    """

    @intrinsic
    def tile(typing_context, a, a_at, b, b_at, b_row, c, c_at, c_row, steps):  # type: ignore[no-untyped-def]
        i = types.int64
        signature = types.void(a, i, b, i, i, c, i, i, i)

        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            kinds, itemsize = signature.args, signature.args[0].dtype.bitwidth // 8
            emit = Vectors(builder, itemsize, VECTOR_BYTES // itemsize)
            a, b, c = (element(context, builder, kinds[at], args[at], args[at + 1]) for at in (0, 2, 5))
            places = [builder.add(builder.mul(args[7], word(i)), word(j * emit.lanes))
                      for i in range(height) for j in range(VECTORS)]  # fmt: skip
            start = [emit.constant(0.0) if large else emit.load(c, place) for place in places]
            for value, place in zip(_sums(emit, start, a, b, args[4], args[8], not large), places, strict=True):
                emit.store(value, c, place, past_caches=large)
            return context.get_dummy_value()

        return signature, generate

    return tile


def _sums(emit: Vectors, start: list[Any], a: Any, b: Any, b_row: Any, steps: Any, ask: bool) -> list[Any]:
    """Write the loop over the rows of B, of which there is at least one; return the sums, row by row of the tile."""
    builder, height = emit.builder, len(start) // VECTORS
    before, body, done = builder.block, builder.append_basic_block("step"), builder.append_basic_block("done")
    builder.branch(body)
    builder.position_at_end(body)
    step = builder.phi(WORD)
    step.add_incoming(word(0), before)
    sums = [builder.phi(emit.kind) for _ in start]
    row, factors = builder.gep(b, [builder.mul(step, b_row)]), builder.gep(a, [builder.mul(step, word(height))])
    columns = [emit.load(row, word(j * emit.lanes)) for j in range(VECTORS)]
    for offset in range(0, VECTORS * VECTOR_BYTES if ask else 0, _LINE):
        emit.prefetch(row, word((offset + _AHEAD) // emit.itemsize))
    following: list[Any] = []
    for i in range(height):
        factor = emit.spread(factors, i)
        following += [emit.multiply_add(factor, column, sums[i * VECTORS + j]) for j, column in enumerate(columns)]
    after = builder.add(step, word(1))
    step.add_incoming(after, body)
    for phi, first, value in zip(sums, start, following, strict=True):
        phi.add_incoming(first, before)
        phi.add_incoming(value, body)
    builder.cbranch(builder.icmp_signed("<", after, steps), body, done)
    builder.position_at_end(done)
    return following


def _tile_slowly(height: int, large: bool) -> Any:
    def tile(a: Array, a_at: int, b: Array, b_at: int, b_row: int, c: Array, c_at: int, c_row: int, steps: int) -> None:
        k, i, j = np.arange(steps)[:, None], np.arange(height), np.arange(tile_width(a.dtype))
        product = a[a_at + k * height + i].T @ b[b_at + k * b_row + j]
        where = c_at + i[:, None] * c_row + j
        c[where] = product if large else c[where] + product

    return tile


_tile: Any = _tile_of if JIT_ENABLED else _tile_slowly
_write_tile = _tile(MAX_HEIGHT, large=True)
_HEIGHT = MAX_HEIGHT


@task("fffff")
def _write_rows(number: int, thread: int, a: Array, b: Array, c: Array, packed: Array, _e: Array, g: Numbers) -> None:
    """Write some rows of C; the last tile of a task, and of a row, may write again what the one before it wrote."""
    rows, columns, depth = g[ROWS], g[COLUMNS], g[DEPTH]
    first, last, at = rows * number // g[TASKS], rows * (number + 1) // g[TASKS], thread * g[SCRATCH]
    for j0 in range(0, columns, g[BLOCK]):
        for upper in range(first, last, _HEIGHT):
            i = min(upper, last - _HEIGHT)
            for k in range(depth):
                for r in range(_HEIGHT):
                    packed[at + k * _HEIGHT + r] = a[k * rows + i + r]
            for left in range(j0, min(columns, j0 + g[BLOCK]), g[WIDTH]):
                j = min(left, columns - g[WIDTH])
                _write_tile(packed, at, b, j, columns, c, i * columns + j, columns, depth)


@cache
def _add_rows(height: int) -> Task:
    """Return the task that writes or adds to some columns of C, in tiles of one height."""
    add_tile = _tile(height, large=False)

    @task("fffff")
    def add_rows(
        number: int, thread: int, a: Array, b: Array, c: Array, packed: Array, _e: Array, g: Numbers
    ) -> None:  # fmt: skip
        rows, columns, depth, width = g[ROWS], g[COLUMNS], g[DEPTH], g[WIDTH]
        panels = columns // width
        first, end = panels * number // g[TASKS] * width, panels * (number + 1) // g[TASKS] * width
        last = columns if number == g[TASKS] - 1 else end  # with what is left of a panel
        at = thread * g[SCRATCH]
        for i in range(rows if g[ADD] == 0 else 0):
            for j in range(first, last):
                c[i * columns + j] = 0
        for k in range(0, depth, g[BLOCK]):
            steps = min(g[BLOCK], depth - k)
            for i in range(rows):
                for s in range(steps):
                    packed[at + (i - i % height) * g[BLOCK] + s * height + i % height] = a[i * depth + k + s]
            for j in range(first, end, width):
                for i in range(0, rows, height):
                    add_tile(packed, at + i * g[BLOCK], b, k * columns + j, columns, c, i * columns + j, columns, steps)
            for i in range(rows if end < last else 0):
                for s in range(k, k + steps):
                    for j in range(end, last):
                        c[i * columns + j] += a[i * depth + s] * b[s * columns + j]

    return add_rows
