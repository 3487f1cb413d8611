"""The innermost matrix product: one tile of C in vector registers, written in LLVM IR.

    C[i, j] = sum_k A[i, k] * B[k, j] + what C holds, or a bias, or nothing        i < height, j < width

Plain loops reach a tenth of what a processor can do, because the compiler does not keep the tile in registers. Here
its rows are vector phi nodes of the loop over k, so it must. `tile_kernel` compiles one C function for each height of
tile when it is first asked for, and returns its address; the matrix kernels take the address as a number and call it
with `multiply_tile`. So they hold no copies of its code, compile fast, and no height is compiled that no layer needs.

With the JIT off the same names are plain Python.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numba
import numpy as np
import numpy.typing as npt
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from pycaffelite.kernels._jit import JIT_ENABLED, Array, cpu_features
from pycaffelite.kernels.vectors import element

# What is added to the products.
ZERO = 0  # nothing
ACCUMULATE = 1  # what C holds
ROW_BIAS = 2  # one number a row, from `bias`
# How an indexed tile ends; added to the above.
SCALE = 4  # row i times scale[i], plus bias[i]
RECTIFY = 8  # numbers that are not positive times a slope

_TILE_ARGUMENTS = 5  # of a micro-kernel: steps, a, b, c, and where the others stand
_OTHERS = 8  # a_row, a_step, b_step, c_row, mode, bias, scale, slope
VECTORS = 2  # vectors in a row of a tile


def _registers() -> tuple[int, int]:
    """Return the bytes of a vector register, and how many rows of a tile fit the register file."""
    features = cpu_features()
    if "avx512f" in features:
        return 64, 14  # 32 registers: 28 sums, 2 of B, 2 to spare
    if "avx" in features:
        return 32, 6  # 16 registers: 12 sums, 2 of B, one of A
    if "neon" in features or "asimd" in features or "fp-armv8" in features:
        return 16, 12  # 32 registers: 24 sums
    return 16, 6


VECTOR_BYTES, MAX_HEIGHT = _registers()


def tile_width(dtype: npt.DTypeLike) -> int:
    """Return the number of columns of a tile."""
    return VECTORS * VECTOR_BYTES // np.dtype(dtype).itemsize


def row_tiles(rows: int) -> tuple[int, int, int]:
    """Cut rows into tiles as equal as can be: (number of tiles, the lesser height, how many tiles are one higher)."""
    tiles = max(1, -(-rows // MAX_HEIGHT))
    return tiles, rows // tiles, rows % tiles


@cache
def tile_kernel(dtype: str, height: int, vectors: int = VECTORS, indexed: bool = False) -> int:
    """Return the address of the micro-kernel for tiles of one size, compiling it or loading it from the cache.

    Args:
        dtype: "float32" or "float64".
        height: Rows of the tile; 0 gives the address 0, which must not be called.
        vectors: Its width in vector registers, VECTORS or 1.
        indexed: Whether the rows of B lie at offsets from a table, instead of at equal distances; only such a kernel
            knows SCALE and RECTIFY.
    """
    if height == 0:
        return 0
    itemsize = np.dtype(dtype).itemsize
    if not JIT_ENABLED:
        return height * 1000 + vectors * VECTOR_BYTES // itemsize
    compiled = _compile_tile(height, vectors, itemsize, int(indexed))
    _KEPT.append(compiled)
    return int(compiled.address)


_get_function: Any = cgutils.get_or_insert_function
_KEPT: list[Any] = []  # machine code lives as long as the object that owns it


def _compile_tile(height: int, vectors: int, itemsize: int, indexed: int) -> Any:
    """Compile a C function of addresses and strides; the closure holds numbers only, so Numba can cache it."""
    lanes = VECTOR_BYTES // itemsize

    # Five arguments go in registers. Others on the stack would be copied by Numba's wrapper, several at once, which has
    # to wait until what was put there one by one can be read back.
    def tile(steps: int, a: int, b: int, c: int, others: int) -> None:
        _tile(height, vectors, lanes, itemsize, indexed, steps, a, b, c, others)

    signature = types.void(*[types.int64] * _TILE_ARGUMENTS)
    return numba.cfunc(signature, cache=True)(tile)


class _Emitter:
    """Writes the code of one micro-kernel; addresses are integers, strides are in elements."""

    def __init__(self, builder: Any, height: int, vectors: int, lanes: int, itemsize: int, indexed: int) -> None:
        self.builder = builder
        self.height, self.vectors, self.lanes, self.itemsize = height, vectors, lanes, itemsize
        self.indexed = indexed
        self.i64 = ir.IntType(64)
        self.scalar = ir.FloatType() if itemsize == 4 else ir.DoubleType()
        self.vector = ir.VectorType(self.scalar, lanes)

    def load(self, base: Any, offset: Any, kind: Any) -> Any:
        """Load a scalar or an unaligned vector from `base + offset` elements."""
        pointer = self.builder.gep(base, [offset])
        value = self.builder.load(self.builder.bitcast(pointer, kind.as_pointer()))
        value.align = self.itemsize
        return value

    def spread(self, scalar: Any) -> Any:
        """Return a vector with `scalar` in every lane."""
        nothing = ir.Constant(self.vector, ir.Undefined)
        first = self.builder.insert_element(nothing, scalar, ir.Constant(ir.IntType(32), 0))
        return self.builder.shuffle_vector(
            first, nothing, ir.Constant(ir.VectorType(ir.IntType(32), self.lanes), [0] * self.lanes)
        )

    def offsets(self, row_stride: Any) -> list[Any]:
        """Return the offset of each vector of the tile in C, row by row."""
        rows = [self.builder.mul(ir.Constant(self.i64, i), row_stride) for i in range(self.height)]
        columns = [ir.Constant(self.i64, j * self.lanes) for j in range(self.vectors)]
        return [self.builder.add(row, column) for row in rows for column in columns]

    def row_offsets(self, a_row: Any) -> list[Any]:
        """Return the distance in bytes of each row of A.

        They are multiples by 1, 2, 4 and 8, which an address can hold, of a few numbers that the compiler is kept from
        seeing through. Else it finds each row from the one before: a chain of additions as long as the products.
        """
        offsets, hidden = [ir.Constant(self.i64, 0)], ir.FunctionType(self.i64, [self.i64])
        for i in range(1, self.height):
            if i % 2 == 0:
                offsets.append(self.builder.shl(offsets[i // 2], ir.Constant(self.i64, 1)))
            else:
                value = self.builder.mul(a_row, ir.Constant(self.i64, i * self.itemsize))
                offsets.append(self.builder.asm(hidden, "", "=r,0", [value], False))
        return offsets

    def starts(self, mode: Any, bias: Any) -> list[Any]:
        """Return the vectors that the sums start from: biases of rows or zeros, as the mode says at run time."""
        zeros = [ir.Constant(self.vector, [0.0] * self.lanes)] * (self.height * self.vectors)

        def biases() -> list[Any]:
            rows = [self.spread(self.load(bias, ir.Constant(self.i64, i), self.scalar)) for i in range(self.height)]
            return [row for row in rows for _ in range(self.vectors)]

        return self.when(mode, ROW_BIAS, zeros, biases)

    def loop(self, steps: Any, start: list[Any], a: Any, a_row: Any, a_step: Any, b: Any, b_step: Any) -> list[Any]:
        """Write the loop over k and return the finished sums; no step at all is allowed."""
        builder = self.builder
        multiply_add = self.multiply_add()
        row_offsets = self.row_offsets(a_row)
        before = builder.block
        body, done = builder.append_basic_block("step"), builder.append_basic_block("done")
        zero, one = ir.Constant(self.i64, 0), ir.Constant(self.i64, 1)
        builder.cbranch(builder.icmp_signed(">", steps, zero), body, done)
        builder.position_at_end(body)
        step = builder.phi(self.i64)
        step.add_incoming(zero, before)
        sums = [builder.phi(self.vector) for _ in start]
        b_at = builder.load(builder.gep(b_step, [step])) if self.indexed else builder.mul(step, b_step)
        columns = [
            self.load(b, builder.add(b_at, ir.Constant(self.i64, j * self.lanes)), self.vector)
            for j in range(self.vectors)
        ]
        a_at = builder.bitcast(builder.gep(a, [builder.mul(step, a_step)]), ir.IntType(8).as_pointer())
        following: list[Any] = []
        for offset in row_offsets:
            place = builder.bitcast(builder.gep(a_at, [offset]), self.scalar.as_pointer())
            factor = self.spread(self.load(place, zero, self.scalar))
            for j in range(self.vectors):
                following.append(builder.call(multiply_add, [factor, columns[j], sums[len(following)]]))
        after = builder.add(step, one)
        step.add_incoming(after, body)
        for phi, first, value in zip(sums, start, following, strict=True):
            phi.add_incoming(first, before)
            phi.add_incoming(value, body)
        builder.cbranch(builder.icmp_signed("<", after, steps), body, done)
        builder.position_at_end(done)
        results = []
        for first, value in zip(start, following, strict=True):
            result = builder.phi(self.vector)
            result.add_incoming(first, before)
            result.add_incoming(value, body)
            results.append(result)
        return results

    def accumulate(self, sums: list[Any], mode: Any, c: Any, offsets: list[Any]) -> list[Any]:
        """Add what C holds, as the mode says at run time.

        Sums do not start from it: the rounding errors of a long sum are smaller when it is made of sums of its blocks.
        """

        def added() -> list[Any]:
            pairs = zip(sums, offsets, strict=True)
            return [self.builder.fadd(value, self.load(c, offset, self.vector)) for value, offset in pairs]

        return self.when(mode, ACCUMULATE, sums, added)

    def finish(self, values: list[Any], mode: Any, bias: Any, scale: Any, slope: Any) -> list[Any]:
        """Scale, shift and rectify the sums, as the mode says at run time."""

        def scaled() -> list[Any]:
            factors, shifts = (
                [self.spread(self.load(base, ir.Constant(self.i64, i), self.scalar)) for i in range(self.height)]
                for base in (scale, bias)
            )
            rows = [index // self.vectors for index in range(len(values))]
            return [
                self.builder.call(self.multiply_add(), [value, factors[row], shifts[row]])
                for value, row in zip(values, rows, strict=True)
            ]

        def rectified() -> list[Any]:
            factor = self.builder.bitcast(slope, ir.DoubleType())
            if self.itemsize == 4:
                factor = self.builder.fptrunc(factor, self.scalar)
            factors, zero = self.spread(factor), ir.Constant(self.vector, [0.0] * self.lanes)
            builder = self.builder
            return [
                builder.select(builder.fcmp_ordered(">", value, zero), value, builder.fmul(factors, value))
                for value in values
            ]

        values = self.when(mode, SCALE, values, scaled)
        return self.when(mode, RECTIFY, values, rectified)

    def when(self, mode: Any, flag: int, values: list[Any], change: Callable[[], list[Any]]) -> list[Any]:
        """Return what `change` makes of the values where the mode has the flag, else the values."""
        builder = self.builder
        before = builder.block
        changing, after = builder.append_basic_block("changing"), builder.append_basic_block("after")
        wanted = builder.and_(mode, ir.Constant(self.i64, flag))
        builder.cbranch(builder.icmp_signed("!=", wanted, ir.Constant(self.i64, 0)), changing, after)
        builder.position_at_end(changing)
        changed = change()
        builder.branch(after)
        builder.position_at_end(after)
        results = []
        for value, other in zip(values, changed, strict=True):
            result = builder.phi(self.vector)
            result.add_incoming(value, before)
            result.add_incoming(other, changing)
            results.append(result)
        return results

    def multiply_add(self) -> Any:
        """Return a b + c as a function of vectors."""
        # Not "llvm.fma": where a processor has no such instruction that would be a call for each lane.
        kind = ir.FunctionType(self.vector, [self.vector] * 3)
        return _get_function(self.builder.module, kind, f"llvm.fmuladd.v{self.lanes}f{8 * self.itemsize}")

    def store(self, values: list[Any], c: Any, offsets: list[Any]) -> None:
        """Write the tile to C."""
        for value, offset in zip(values, offsets, strict=True):
            pointer = self.builder.bitcast(self.builder.gep(c, [offset]), self.vector.as_pointer())
            self.builder.store(value, pointer).align = self.itemsize


@intrinsic(prefer_literal=True)
def _emit_tile(  # type: ignore[no-untyped-def]
    typing_context, height, vectors, lanes, itemsize, indexed, steps, a, b, c, others
):
    """Emit one micro-kernel; the first five arguments are constants of the closure."""
    sizes = [value.literal_value for value in (height, vectors, lanes, itemsize, indexed)]
    signature = types.void(height, vectors, lanes, itemsize, indexed, *[types.int64] * _TILE_ARGUMENTS)

    def generate(context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        emitter = _Emitter(builder, *sizes)
        steps, a, b, c, others = args[5:]
        pointer = emitter.scalar.as_pointer()
        others = builder.inttoptr(others, emitter.i64.as_pointer())
        a_row, a_step, b_step, c_row, mode, bias, scale, slope = (
            builder.load(builder.gep(others, [ir.Constant(emitter.i64, k)])) for k in range(_OTHERS)
        )
        if emitter.indexed:
            b_step = builder.inttoptr(b_step, emitter.i64.as_pointer())
        a, b, c, bias, scale = (builder.inttoptr(address, pointer) for address in (a, b, c, bias, scale))
        offsets = emitter.offsets(c_row)
        sums = emitter.loop(steps, emitter.starts(mode, bias), a, a_row, a_step, b, b_step)
        sums = emitter.accumulate(sums, mode, c, offsets)
        if emitter.indexed:
            sums = emitter.finish(sums, mode, bias, scale, slope)
        emitter.store(sums, c, offsets)
        return context.get_dummy_value()

    return signature, generate


_array: Any = cgutils.alloca_once
_tile: Any = _emit_tile  # to a type checker an intrinsic still has its typing context


def _call_tile(context: Any, builder: Any, kinds: Any, args: Any, arrays: tuple[int, ...]) -> Any:
    """Emit the call of a micro-kernel; at `arrays` stand an array and an index, which become one address."""
    word = ir.IntType(64)
    values = []
    for position, value in enumerate(args[1:], 1):
        if position in arrays:
            place = element(context, builder, kinds[position], value, args[position + 1])
            values.append(builder.ptrtoint(place, word))
        elif position - 1 not in arrays:
            values.append(value)
    steps, a, a_row, a_step, b, b_step, c, *rest = values
    others = _array(builder, word, size=_OTHERS)
    for number, value in enumerate((a_row, a_step, b_step, *rest)):
        builder.store(value, builder.gep(others, [ir.Constant(word, number)]))
    function = ir.FunctionType(ir.VoidType(), [word] * _TILE_ARGUMENTS).as_pointer()
    builder.call(builder.inttoptr(args[0], function), [steps, a, b, c, builder.ptrtoint(others, word)])
    return context.get_dummy_value()


@intrinsic
def _multiply_tile(  # type: ignore[no-untyped-def]
    typing_context, kernel, steps, a, a_at, a_row, a_step, b, b_at, b_step, c, c_at, c_row, start, bias, bias_at
):
    i = types.int64
    signature = types.void(i, i, a, i, i, i, b, i, i, c, i, i, i, bias, i)
    return signature, lambda context, builder, signature, args: _call_tile(
        context, builder, signature.args, args, (2, 6, 9, 13)
    )


@intrinsic
def _multiply_tile_indexed(  # type: ignore[no-untyped-def]
    typing_context,
    kernel, steps, a, a_at, a_row, a_step, b, b_at, table, table_at, c, c_at, c_row, mode, bias, bias_at, scale,
    scale_at, slope,
):  # fmt: skip
    i = types.int64
    signature = types.void(i, i, a, i, i, i, b, i, table, i, c, i, i, i, bias, i, scale, i, i)
    return signature, lambda context, builder, signature, args: _call_tile(
        context, builder, signature.args, args, (2, 6, 8, 10, 14, 16)
    )


def _multiply_tile_slowly(
    kernel: int, steps: int, a: Array, a_at: int, a_row: int, a_step: int, b: Array, b_at: int, b_step: int,
    c: Array, c_at: int, c_row: int, start: int, bias: Array, bias_at: int,
) -> None:  # fmt: skip
    """Do what the micro-kernel does, with NumPy; every index is checked."""
    table = np.arange(steps) * b_step
    _multiply_tile_indexed_slowly(
        kernel, steps, a, a_at, a_row, a_step, b, b_at, table, 0, c, c_at, c_row, start, bias, bias_at, bias, 0, 0
    )


def _multiply_tile_indexed_slowly(
    kernel: int, steps: int, a: Array, a_at: int, a_row: int, a_step: int, b: Array, b_at: int, table: Array,
    table_at: int, c: Array, c_at: int, c_row: int, mode: int, bias: Array, bias_at: int, scale: Array, scale_at: int,
    slope: int,
) -> None:  # fmt: skip
    height, width = divmod(kernel, 1000)
    rows, columns, depth = np.arange(height), np.arange(width), np.arange(steps)
    offsets = b_at + table[table_at : table_at + steps]
    product = a[a_at + rows[:, None] * a_row + depth * a_step] @ b[offsets[:, None] + columns]
    where = c_at + rows[:, None] * c_row + columns
    if mode & ACCUMULATE:
        product = product + c[where]
    elif mode & ROW_BIAS:
        product = product + bias[bias_at + rows][:, None]
    if mode & SCALE:
        product = product * scale[scale_at + rows][:, None] + bias[bias_at + rows][:, None]
    if mode & RECTIFY:
        product = np.where(product > 0, product, product * np.int64(slope).view(np.float64))
    c[where] = product


multiply_tile: Any = _multiply_tile if JIT_ENABLED else _multiply_tile_slowly
multiply_tile_indexed: Any = _multiply_tile_indexed if JIT_ENABLED else _multiply_tile_indexed_slowly
