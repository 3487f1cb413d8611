"""The innermost loops of a depthwise convolution, with all taps unrolled, written in LLVM IR.

`rows_kernel` writes strips of vectors one below the other, y[r] = act(scale sum over taps (i, j) of w[i, j]
x[stride r + dilation i, column j] + shift): each vector of x is loaded once for all rows that it meets.
`sums_kernel` adds up, for every tap, the products of the output's gradient and x: the taps' sums stay in registers.

Both read a *frame*: the padded input, whose columns are dealt out to as many runs as the stride, so that the column
that tap j meets is `table[1 + j]` elements from the row's beginning for every stride and dilation; rows are `table[0]`
elements long. What ends a sum is three numbers: scale, shift, slope. With the JIT off the
same names are plain Python.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numba
import numpy as np
from numba import types
from numba.extending import intrinsic

from pycaffelite.kernels._jit import JIT_ENABLED, Array
from pycaffelite.kernels.microkernel import VECTOR_BYTES
from pycaffelite.kernels.vectors import WORD, Vectors, call_address, word

ROWS = 4  # of a strip
MOST_TAPS = 49  # beyond which unrolling does not pay

_KEPT: list[Any] = []  # machine code lives as long as the object that owns it


def lanes_of(itemsize: int) -> int:
    """Return how many numbers of this size make a vector."""
    return VECTOR_BYTES // itemsize


@cache
def rows_kernel(itemsize: int, kernel: tuple[int, int], stride: int, dilation: int) -> int:
    """Return the address of a strip's code; stride and dilation are those along the height."""
    return _address(False, itemsize, *kernel, stride, dilation)


@cache
def sums_kernel(itemsize: int, kernel: tuple[int, int], stride: int, dilation: int) -> int:
    """Return the address of the code that adds up the taps' products."""
    return _address(True, itemsize, *kernel, stride, dilation)


def _address(sums: bool, itemsize: int, kh: int, kw: int, stride: int, dilation: int) -> int:
    if not JIT_ENABLED:
        _SLOW.append((itemsize, kh, kw, stride, dilation))
        return len(_SLOW) - 1
    lanes = lanes_of(itemsize)
    compiled: Any = (_compile_sums if sums else _compile_rows)(itemsize, lanes, kh, kw, stride, dilation)
    _KEPT.append(compiled)
    return int(compiled.address)


def _compile_rows(itemsize: int, lanes: int, kh: int, kw: int, stride: int, dilation: int) -> Any:
    # The closure holds numbers only, so Numba can cache it. Six arguments go in registers; with more than one beyond
    # them, each call waits until what was put on the stack can be read back.
    def strips(x: int, table: int, w: int, y: int, y_row: int, ending: int, last: int) -> None:
        _rows(itemsize, lanes, kh, kw, stride, dilation, x, table, w, y, y_row, ending, last)

    return numba.cfunc(types.void(*[types.int64] * 7), cache=True)(strips)


def _compile_sums(itemsize: int, lanes: int, kh: int, kw: int, stride: int, dilation: int) -> Any:
    def plane(x: int, table: int, dy: int, dy_row: int, rows: int, columns: int, sums: int) -> None:
        _sums(itemsize, lanes, kh, kw, stride, dilation, x, table, dy, dy_row, rows, columns, sums)

    return numba.cfunc(types.void(*[types.int64] * 7), cache=True)(plane)


@intrinsic(prefer_literal=True)
def _emit_rows(  # type: ignore[no-untyped-def]
    typing_context, itemsize, lanes, kh, kw, stride, dilation, x, table, w, y, y_row, ending, last
):
    sizes = [value.literal_value for value in (itemsize, lanes, kh, kw, stride, dilation)]
    signature = types.void(itemsize, lanes, kh, kw, stride, dilation, *[types.int64] * 7)

    def generate(context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        _write_rows(Vectors(builder, *sizes[:2]), sizes[2:], args[6:])
        return context.get_dummy_value()

    return signature, generate


def _write_rows(emit: Vectors, sizes: list[int], args: Any) -> None:
    """Emit the loop over strips, from right to left: the sums of ROWS vectors, row by row of x, and how they end."""
    builder, (kh, kw, stride, dilation) = emit.builder, sizes
    x, w, y, ending = (emit.pointer(args[place]) for place in (0, 2, 3, 5))
    (x_row, *columns), y_row = _table(builder, args[1], kw), args[4]
    factors = [emit.spread(w, tap) for tap in range(kh * kw)]
    last = [emit.spread(ending, index) for index in range(3)]
    meets: dict[int, list[tuple[int, int]]] = {}  # row of x: (row of y, row of the kernel)
    for row in range(ROWS):
        for i in range(kh):
            meets.setdefault(row * stride + i * dilation, []).append((row, i))
    entry, body, done = builder.block, builder.append_basic_block("strip"), builder.append_basic_block("done")
    builder.branch(body)
    builder.position_at_end(body)
    left = builder.phi(WORD)
    sums: list[Any] = [None] * ROWS
    for h in sorted(meets):
        start = builder.add(left, builder.mul(word(h), x_row))
        for j in range(kw):
            value = emit.load(x, builder.add(start, columns[j]))
            for row, i in meets[h]:
                sums[row] = emit.multiply_add(factors[i * kw + j], value, sums[row])
    for row, total in enumerate(sums):
        emit.store(emit.finish(total, *last), y, builder.add(left, builder.mul(word(row), y_row)))
    following = builder.sub(left, word(emit.lanes))
    left.add_incoming(args[6], entry)
    left.add_incoming(following, body)
    builder.cbranch(builder.icmp_signed(">=", following, word(0)), body, done)
    builder.position_at_end(done)


def _table(builder: Any, table: Any, columns: int) -> list[Any]:
    """Load the length of the frame's rows and the offsets of the kernel's columns."""
    base = builder.inttoptr(table, WORD.as_pointer())
    return [builder.load(builder.gep(base, [word(j)])) for j in range(1 + columns)]


@intrinsic(prefer_literal=True)
def _emit_sums(  # type: ignore[no-untyped-def]
    typing_context, itemsize, lanes, kh, kw, stride, dilation, x, table, dy, dy_row, rows, columns, sums
):
    sizes = [value.literal_value for value in (itemsize, lanes, kh, kw, stride, dilation)]
    signature = types.void(itemsize, lanes, kh, kw, stride, dilation, *[types.int64] * 7)

    def generate(context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        _write_sums(Vectors(builder, *sizes[:2]), sizes[2:], args[6:])
        return context.get_dummy_value()

    return signature, generate


def _write_sums(emit: Vectors, sizes: list[int], args: Any) -> None:
    """Emit the loop over the vectors of dy, row by row; behind the taps' sums stands that of dy alone."""
    builder, (kh, kw, stride, dilation) = emit.builder, sizes
    x, dy, sums = (emit.pointer(args[place]) for place in (0, 2, 6))
    dy_row, rows, width = args[3:6]
    x_row, *columns = _table(builder, args[1], kw)
    places = [builder.add(builder.mul(word(i * dilation), x_row), columns[j]) for i in range(kh) for j in range(kw)]
    before = [emit.load(sums, word(tap * emit.lanes)) for tap in range(kh * kw + 1)]
    entry, body, done = builder.block, builder.append_basic_block("body"), builder.append_basic_block("done")
    builder.branch(body)
    builder.position_at_end(body)
    row, column = builder.phi(WORD), builder.phi(WORD)
    totals = [builder.phi(emit.kind) for _ in before]
    factor = emit.load(dy, builder.add(builder.mul(row, dy_row), column))
    start = builder.add(builder.mul(builder.mul(row, word(stride)), x_row), column)
    following = [
        emit.multiply_add(factor, emit.load(x, builder.add(start, place)), total)
        for place, total in zip(places, totals, strict=False)
    ]
    following.append(builder.fadd(factor, totals[-1]))
    next_column = builder.add(column, word(emit.lanes))
    ended = builder.icmp_signed(">=", next_column, width)
    after_row = builder.select(ended, builder.add(row, word(1)), row)
    after_column = builder.select(ended, word(0), next_column)
    for phi, first, value in zip(
        (row, column, *totals), (word(0), word(0), *before), (after_row, after_column, *following), strict=True
    ):
        phi.add_incoming(first, entry)
        phi.add_incoming(value, body)
    builder.cbranch(builder.icmp_signed("<", after_row, rows), body, done)
    builder.position_at_end(done)
    for tap, value in enumerate(following):
        emit.store(value, sums, word(tap * emit.lanes))


@intrinsic
def _call_rows(  # type: ignore[no-untyped-def]
    typing_context, address, x, x_at, table, table_at, w, w_at, y, y_at, y_row, ending, ending_at, last
):
    i = types.int64
    signature = types.void(i, x, i, table, i, w, i, y, i, i, ending, i, i)
    return signature, lambda context, builder, signature, args: call_address(
        context, builder, signature.args, args, (1, 3, 5, 7, 10)
    )


@intrinsic
def _call_sums(  # type: ignore[no-untyped-def]
    typing_context, address, x, x_at, table, table_at, dy, dy_at, dy_row, rows, columns, sums, sums_at
):
    i = types.int64
    signature = types.void(i, x, i, table, i, dy, i, i, i, i, sums, i)
    return signature, lambda context, builder, signature, args: call_address(
        context, builder, signature.args, args, (1, 3, 5, 10)
    )


_rows: Any = _emit_rows  # to a type checker intrinsics still have their typing context
_sums: Any = _emit_sums

_SLOW: list[tuple[int, int, int, int, int]] = []  # what an address stands for with the JIT off


def _rows_slowly(
    address: int, x: Array, x_at: int, table: Array, table_at: int, w: Array, w_at: int, y: Array, y_at: int,
    y_row: int, ending: Array, ending_at: int, last: int,
) -> None:  # fmt: skip
    itemsize, kh, kw, stride, dilation = _SLOW[address]
    lanes, x_row = np.arange(lanes_of(itemsize)), table[table_at]
    scale, shift, slope = ending[ending_at : ending_at + 3]
    for left in range(last, -1, -lanes.size):
        for row in range(ROWS):
            total = np.zeros(lanes.size)
            for tap in range(kh * kw):
                place = x_at + (row * stride + tap // kw * dilation) * x_row + table[table_at + 1 + tap % kw] + left
                total += w[w_at + tap] * x[place + lanes]
            total = total * scale + shift
            y[y_at + row * y_row + left + lanes] = np.where(total > 0, total, slope * total)


def _sums_slowly(
    address: int, x: Array, x_at: int, table: Array, table_at: int, dy: Array, dy_at: int, dy_row: int, rows: int,
    columns: int, sums: Array, sums_at: int,
) -> None:  # fmt: skip
    itemsize, kh, kw, stride, dilation = _SLOW[address]
    lanes, x_row = np.arange(lanes_of(itemsize)), table[table_at]
    for row in range(rows):
        for column in range(0, columns, lanes.size):
            factor = dy[dy_at + row * dy_row + column + lanes]
            for tap in range(kh * kw):
                place = x_at + (row * stride + tap // kw * dilation) * x_row + table[table_at + 1 + tap % kw] + column
                sums[sums_at + tap * lanes.size + lanes] += factor * x[place + lanes]
            sums[sums_at + kh * kw * lanes.size + lanes] += factor


correlate_rows: Any = _call_rows if JIT_ENABLED else _rows_slowly
add_products: Any = _call_sums if JIT_ENABLED else _sums_slowly
