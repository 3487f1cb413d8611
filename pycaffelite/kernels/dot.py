"""Products with a transposed matrix of which each number is used few times: rows times rows, nothing packed.

    C[i, j] = act(scale[j] sum_k X[i, k] W[j, k] + shift[j])

A tile is some rows of X by some rows of W; its sums are vectors along k that stay in registers, and are added up at the
end. So W streams through once, from where it stands, at the speed of memory when X has few rows. The micro-kernels are
compiled, and called by their addresses, as those of `microkernel` are.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numba
import numpy as np
import numpy.typing as npt
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from pycaffelite.kernels._jit import JIT_ENABLED, Array, kernel
from pycaffelite.kernels.microkernel import MAX_HEIGHT, VECTOR_BYTES
from pycaffelite.kernels.tasks import run, task
from pycaffelite.kernels.vectors import WORD, Vectors, call_address, word

Numbers = npt.NDArray[np.int64]

# Places in the vector of numbers that describes a product. Addresses: of whole tiles, of one row of W, and for the rows
# of X that are in tiles one row higher, the same.
ROWS, COLUMNS, DEPTH, LANES, TILES, HEIGHT, HIGHER, WIDTH, TASK_COLUMNS, COLUMNS_BLOCK, DEPTH_BLOCK, ENDING = range(12)
ADDRESSES = 12

_REGISTERS = 32 if MAX_HEIGHT > 6 else 16  # for the sums, as many rows of W, and one of X
_WIDEST = 8  # rows of W in a tile: more streams than processors follow would be slow
_X_BYTES = 32 * 1024  # of X that stay in the first cache
_AHEAD = 1024  # bytes that W is asked for before it is multiplied: memory is slower than its own foresight
_FEW_TILES = 2  # above each other, so that a wait for memory would not be hidden by arithmetic
_DEPTH_BYTES = 4 * 1024  # of a row that are read before the next tile's
_TASKS = 16  # whatever the number of threads
_ARGUMENTS = 7  # of a micro-kernel
_KEPT: list[Any] = []  # machine code lives as long as the object that owns it


def pays(rows: int, depth: int) -> bool:
    """Tell whether adding up vectors costs less than packing the transposed matrix would."""
    return depth >= 64 and 32 * rows <= depth


def dot(x: Array, w: Array, c: Array, ending: Array) -> None:
    """Compute c = act(scale[j] x w' + shift[j]).

    Args:
        x: M x K.
        w: N x K.
        c: M x N, overwritten.
        ending: N shifts, or N shifts, N scales, which may be left out, and the slope of act; or empty.
    """
    numbers, tasks = _plan(c.shape[0], c.shape[1], x.shape[1], ending.size, c.dtype)
    run(_columns, tasks, (x.reshape(-1), w.reshape(-1), c.reshape(-1), ending), numbers)


@cache
def _plan(rows: int, columns: int, depth: int, ending: int, dtype: np.dtype[Any]) -> tuple[Numbers, int]:
    """Choose tiles that divide the matrices, or nearly; return the numbers and how many tasks there are."""
    most = 5 if _REGISTERS > 16 else 3
    heights = [height for height in range(most, most // 2, -1) if rows % height == 0]
    tiles = -(-rows // (4 if 4 in heights and rows > 10 else heights[0] if heights else most))
    height, higher, few = rows // tiles, rows % tiles, tiles <= _FEW_TILES
    widest = min(_WIDEST, (_REGISTERS - 1) // (height + (higher > 0) + 1), columns)
    widths = [width for width in range(widest, widest * 2 // 3, -1) if columns % width == 0]
    width = widths[0] if widths else widest
    addresses = [
        dot_kernel(dtype.name, tall, wide, few) if wanted else 0
        for tall, some in ((height, True), (height + 1, higher > 0))
        for wide, wanted in ((width, some), (1, some and columns % width > 0))
    ]
    groups = -(-columns // width)
    task_columns = -(-groups // (_TASKS if rows * columns * depth > 1 << 15 else 1)) * width
    lanes = VECTOR_BYTES // dtype.itemsize
    columns_block = width if few else task_columns
    block = max(_DEPTH_BYTES, _X_BYTES // rows // _DEPTH_BYTES * _DEPTH_BYTES) // dtype.itemsize
    numbers = [rows, columns, depth, lanes, tiles, height, higher, width, task_columns, columns_block, block, ending]
    return np.array(numbers + addresses, np.int64), -(-columns // task_columns)


@task("fffff")
def _columns(number: int, _thread: int, x: Array, w: Array, c: Array, ending: Array, _e: Array, g: Numbers) -> None:
    """Write some columns of C, block of W by block."""
    first, last = number * g[TASK_COLUMNS], min(g[COLUMNS], (number + 1) * g[TASK_COLUMNS])
    for i in range(g[ROWS]):
        for j in range(first, last):
            c[i * g[COLUMNS] + j] = 0
    for left in range(first, last, g[COLUMNS_BLOCK]):
        right = min(last, left + g[COLUMNS_BLOCK])
        for k in range(0, g[DEPTH], g[DEPTH_BLOCK]):
            _add_block(x, w, c, g, left, right, k, min(g[DEPTH], k + g[DEPTH_BLOCK]))
    if g[ENDING] > 0:
        _finish(c, ending, g, first, last)


@kernel(inner=True)
def _add_block(x: Array, w: Array, c: Array, g: Numbers, left: int, right: int, k0: int, k1: int) -> None:
    """Add the products of a block of W to some columns of C; tiles that share rows of W come one after the other."""
    steps = (k1 - k0) // g[LANES]
    rest = k0 + steps * g[LANES]
    j = left
    while j < right:
        width = g[WIDTH] if j + g[WIDTH] <= right else 1
        for tile in range(g[TILES] if steps > 0 else 0):
            i = tile * g[HEIGHT] + min(tile, g[HIGHER])
            tall = tile < g[HIGHER]
            address = g[ADDRESSES + 2 * tall + (width < g[WIDTH])]
            add_dots(address, steps, x, i * g[DEPTH] + k0, g[DEPTH], w, j * g[DEPTH] + k0, g[DEPTH],
                     c, i * g[COLUMNS] + j, g[COLUMNS])  # fmt: skip
        if rest < k1:
            _add_rest(x, w, c, g, j, width, rest, k1)
        j += width


@kernel(inner=True)
def _add_rest(x: Array, w: Array, c: Array, g: Numbers, column: int, width: int, k0: int, k1: int) -> None:
    """Add what lies behind the last whole vector."""
    for i in range(g[ROWS]):
        for j in range(column, column + width):
            total = c[i * g[COLUMNS] + j]
            for k in range(k0, k1):
                total += x[i * g[DEPTH] + k] * w[j * g[DEPTH] + k]
            c[i * g[COLUMNS] + j] = total


@kernel(inner=True)
def _finish(c: Array, ending: Array, g: Numbers, first: int, last: int) -> None:
    """Add the bias of each column, or scale, shift and rectify."""
    columns = g[COLUMNS]
    for i in range(g[ROWS]):
        if g[ENDING] <= columns + 1:
            for j in range(first, last):
                c[i * columns + j] += ending[j]
        else:
            for j in range(first, last):
                c[i * columns + j] = c[i * columns + j] * ending[columns + j] + ending[j]
        if g[ENDING] > columns:
            for j in range(first, last):
                value = c[i * columns + j]
                c[i * columns + j] = value if value > 0 else value * ending[g[ENDING] - 1]


@cache
def dot_kernel(dtype: str, height: int, width: int, ask: bool = False) -> int:
    """Return the address of the micro-kernel for `height` rows of X and `width` rows of W, which it may ask for."""
    if not JIT_ENABLED:
        return (height * 1000 + width) * 1000 + VECTOR_BYTES // np.dtype(dtype).itemsize
    compiled = _compile(height, width, np.dtype(dtype).itemsize, int(ask))
    _KEPT.append(compiled)
    return int(compiled.address)


def _compile(height: int, width: int, itemsize: int, ask: int) -> Any:
    """Compile a C function of addresses and strides; the closure holds numbers only, so Numba can cache it."""
    lanes = VECTOR_BYTES // itemsize

    def tile(steps: int, x: int, x_row: int, w: int, w_row: int, c: int, c_row: int) -> None:
        _tile(height, width, lanes, itemsize, ask, steps, x, x_row, w, w_row, c, c_row)

    return numba.cfunc(types.void(*[types.int64] * _ARGUMENTS), cache=True)(tile)


class _Emitter(Vectors):
    """Writes the code of one micro-kernel; addresses are integers, strides are in elements."""

    def __init__(self, builder: Any, height: int, width: int, lanes: int, itemsize: int, ask: int) -> None:
        super().__init__(builder, itemsize, lanes)
        self.height, self.width, self.ask = height, width, ask

    def rows(self, base: Any, stride: Any, count: int) -> list[Any]:
        """Return pointers to the first elements of some rows."""
        base = self.pointer(base)
        return [self.builder.gep(base, [self.builder.mul(word(row), stride)]) for row in range(count)]

    def sums(self, steps: Any, x: list[Any], w: list[Any]) -> list[Any]:
        """Write the loop over vectors along k, of which there is at least one; return the sums."""
        builder = self.builder
        before, body, done = builder.block, builder.append_basic_block("step"), builder.append_basic_block("done")
        builder.branch(body)
        builder.position_at_end(body)
        step = builder.phi(WORD)
        step.add_incoming(word(0), before)
        sums = [builder.phi(self.kind) for _ in range(self.height * self.width)]
        at = builder.mul(step, word(self.lanes))
        columns = [self.load(row, at) for row in w]
        for row in w if self.ask else ():
            self.prefetch(row, builder.add(at, word(_AHEAD // self.itemsize)))
        following: list[Any] = []
        for row in x:
            factor = self.load(row, at)
            for column in columns:
                following.append(self.multiply_add(factor, column, sums[len(following)]))
        after = builder.add(step, word(1))
        step.add_incoming(after, body)
        for phi, value in zip(sums, following, strict=True):
            phi.add_incoming(self.constant(0.0), before)
            phi.add_incoming(value, body)
        builder.cbranch(builder.icmp_signed("<", after, steps), body, done)
        builder.position_at_end(done)
        return following

    def total(self, value: Any) -> Any:
        """Return the sum of the lanes of a vector: its halves are added until one lane is left."""
        lanes = self.lanes
        while lanes > 1:
            lanes //= 2
            halves = [
                self.builder.shuffle_vector(
                    value, value, ir.Constant(ir.VectorType(ir.IntType(32), lanes), list(range(from_, from_ + lanes)))
                )
                for from_ in (0, lanes)
            ]
            value = self.builder.fadd(*halves)
        return self.builder.extract_element(value, ir.Constant(ir.IntType(32), 0))


@intrinsic(prefer_literal=True)
def _emit_tile(  # type: ignore[no-untyped-def]
    typing_context, height, width, lanes, itemsize, ask, steps, x, x_row, w, w_row, c, c_row
):
    """Emit one micro-kernel; the first five arguments are constants of the closure."""
    sizes = [value.literal_value for value in (height, width, lanes, itemsize, ask)]
    signature = types.void(height, width, lanes, itemsize, ask, *[types.int64] * _ARGUMENTS)

    def generate(context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        emitter = _Emitter(builder, *sizes)
        steps, x, x_row, w, w_row, c, c_row = args[5:]
        sums = emitter.sums(steps, emitter.rows(x, x_row, emitter.height), emitter.rows(w, w_row, emitter.width))
        for i, row in enumerate(emitter.rows(c, c_row, emitter.height)):
            for j in range(emitter.width):
                place = builder.gep(row, [word(j)])
                total = emitter.total(sums[i * emitter.width + j])
                builder.store(builder.fadd(builder.load(place), total), place)
        return context.get_dummy_value()

    return signature, generate


_tile: Any = _emit_tile  # to a type checker an intrinsic still has its typing context


@intrinsic
def _add_dots(  # type: ignore[no-untyped-def]
    typing_context, kernel, steps, x, x_at, x_row, w, w_at, w_row, c, c_at, c_row
):
    i = types.int64
    signature = types.void(i, i, x, i, i, w, i, i, c, i, i)
    return signature, lambda context, builder, signature, args: call_address(
        context, builder, signature.args, args, (2, 5, 8)
    )


def _add_dots_slowly(
    kernel: int, steps: int, x: Array, x_at: int, x_row: int, w: Array, w_at: int, w_row: int, c: Array, c_at: int,
    c_row: int,
) -> None:  # fmt: skip
    """Do what the micro-kernel does, with NumPy; every index is checked."""
    sizes, lanes = divmod(kernel, 1000)
    height, width = divmod(sizes, 1000)
    depth, rows, columns = np.arange(steps * lanes), np.arange(height)[:, None], np.arange(width)[:, None]
    product = x[x_at + rows * x_row + depth] @ w[w_at + columns * w_row + depth].T
    c[c_at + rows * c_row + np.arange(width)] += product


add_dots: Any = _add_dots if JIT_ENABLED else _add_dots_slowly
