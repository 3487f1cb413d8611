"""Windows of a plane, eight neighbours along a line at once in vector registers, written in LLVM IR.

Neighbouring windows are one or two places apart; each lane of a vector holds one of them. Lanes whose place lies
beyond the border, or whose window does not exist, are masked: nothing is read or written there. With the JIT off the
same names are plain Python.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from pycaffelite.kernels._jit import JIT_ENABLED, Array
from pycaffelite.kernels.lanes import Lanes

LANES = 8

_variable: Any = cgutils.alloca_once
_I32 = ir.IntType(32)


class _Emitter(Lanes):
    """Writes vector code for windows that are `stride` apart."""

    def __init__(self, context: Any, builder: Any, float_type: Any, stride: int = 1) -> None:
        super().__init__(context, builder, float_type, LANES)
        self.stride = stride

    def every(self, base: Any, offset: Any, first: Any, length: Any, otherwise: float) -> Any:
        """Load the places first, first + stride ... of a line that begins at `base + offset` elements."""
        lanes = LANES * self.stride
        values = self.load(base, self.builder.add(offset, first), self.within(first, length, lanes), otherwise)
        return self.shuffle(values, values, list(range(0, lanes, self.stride))) if self.stride > 1 else values

    def windows(self, args: Any, columns: int | None, otherwise: float, take: Callable[[Any, Any], None]) -> None:
        """Call `take(values, distance from the first)` for each place of the windows, in row-major order.

        Args:
            args: (x, at, row, height, width, first, length, ...), see `_max_of`.
            columns: The width of the windows if it is known, so that there is no loop over it.
            otherwise: What counts for a place beyond the border.
            take: Writes what is done with the values.
        """
        x, at, row, height, width, first, length = args[:7]

        def one(start: Any, k: Any) -> None:
            values = self.every(x, self.builder.add(at, start), self.builder.add(first, k), length, otherwise)
            take(values, self.builder.add(start, k))

        with cgutils.for_range(self.builder, height) as line:
            start = self.builder.mul(line.index, row)
            if columns is None:
                with cgutils.for_range(self.builder, width) as column:
                    one(start, column.index)
            else:
                for k in range(columns):
                    one(start, self.whole(k))


def _max_of(stride: int, columns: int | None) -> Any:
    """Make an intrinsic that writes the maximum of each window.

    x, at, row: the flat array, where the first line of the windows begins in it, and the distance of lines.
    height, width: the lengths of a window; the lines are all within the plane.
    first: the column of the first window's first place, negative if that is padding; length: the length of a line.
    y, y_at, left: where the outputs go, and how many windows there are from the first one on.
    """

    @intrinsic
    def write_max(typing_context, x, at, row, height, width, first, length, y, y_at, left):  # type: ignore[no-untyped-def]
        i = types.int64
        signature = types.void(x, i, i, i, i, i, i, y, i, i)

        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            emit = _Emitter(context, builder, signature.args[0].dtype, stride)
            most = _variable(builder, emit.vector)
            builder.store(emit.numbers_only(emit.every(args[0], args[1], args[5], args[6], -np.inf)), most)

            def take(values: Any, _distance: Any) -> None:
                before = builder.load(most)
                builder.store(builder.select(builder.fcmp_ordered(">", values, before), values, before), most)

            emit.windows(args, columns, -np.inf, take)
            emit.store(builder.load(most), args[7], args[8], emit.within(emit.whole(0), args[9]))
            return context.get_dummy_value()

        return signature, generate

    return write_max


def _argmax_of(stride: int, columns: int | None) -> Any:
    """Make an intrinsic as by `_max_of`, (..., places, place), that also writes the places of the maxima.

    place: the number of the place where the first line begins.
    """

    @intrinsic
    def write_argmax(  # type: ignore[no-untyped-def]
        typing_context, x, at, row, height, width, first, length, y, y_at, left, places, place
    ):
        i = types.int64
        signature = types.void(x, i, i, i, i, i, i, y, i, i, places, i)

        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            emit = _Emitter(context, builder, signature.args[0].dtype, stride)
            most, chosen = (_variable(builder, kind) for kind in (emit.vector, emit.places))
            builder.store(emit.numbers_only(emit.every(args[0], args[1], args[5], args[6], -np.inf)), most)
            element = emit.places.element
            columns_of_first = emit.numbers(args[5], element, stride)
            inside = builder.icmp_signed(">", columns_of_first, ir.Constant(emit.places, [0] * LANES))
            clipped = builder.select(inside, columns_of_first, ir.Constant(emit.places, [0] * LANES))
            builder.store(builder.add(clipped, emit.numbers(args[11], element, 0)), chosen)
            origin = emit.numbers(builder.add(args[11], args[5]), element, stride)

            def take(values: Any, distance: Any) -> None:
                before = builder.load(most)
                wins = builder.fcmp_ordered(">", values, before)
                builder.store(builder.select(wins, values, before), most)
                here = builder.add(origin, emit.numbers(distance, element, 0))
                builder.store(builder.select(wins, here, builder.load(chosen)), chosen)

            emit.windows(args, columns, -np.inf, take)
            mask = emit.within(emit.whole(0), args[9])
            emit.store(builder.load(most), args[7], args[8], mask)
            emit.store(builder.load(chosen), args[10], args[8], mask)
            return context.get_dummy_value()

        return signature, generate

    return write_argmax


def _mean_of(stride: int, columns: int | None) -> Any:
    """Make an intrinsic as by `_max_of`, (..., high, end), that writes the sum of each window over its divisor.

    The divisor is `high` times the columns of the window before the column `end`.
    """

    @intrinsic
    def write_mean(  # type: ignore[no-untyped-def]
        typing_context, x, at, row, height, width, first, length, y, y_at, left, high, end
    ):
        i = types.int64
        signature = types.void(x, i, i, i, i, i, i, y, i, i, i, i)

        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            emit = _Emitter(context, builder, signature.args[0].dtype, stride)
            total = _variable(builder, emit.vector)
            builder.store(emit.constant(0.0), total)
            emit.windows(
                args, columns, 0.0, lambda values, _at: builder.store(builder.fadd(builder.load(total), values), total)
            )
            divisor = _divisors(emit, args[4], args[5], args[11], args[10])
            mask = emit.within(emit.whole(0), args[9])
            emit.store(builder.fdiv(builder.load(total), divisor), args[7], args[8], mask)
            return context.get_dummy_value()

        return signature, generate

    return write_mean


def _divisors(emit: _Emitter, width: Any, first: Any, end: Any, high: Any) -> Any:
    """Emit the divisors of windows from the column `first` on."""
    builder = emit.builder
    room = emit.numbers(builder.sub(end, first), _I32, -emit.stride)
    whole = emit.spread(builder.trunc(width, _I32))
    columns = builder.select(builder.icmp_signed("<", room, whole), room, whole)
    return builder.sitofp(builder.mul(columns, emit.spread(builder.trunc(high, _I32))), emit.vector)


def _add_parts_of(stride: int) -> Any:
    """Make an intrinsic that adds outputs' gradients over the divisors of their windows to lines[lines_at ...].

    dy, at, left: the gradients, of which `left` exist; those after them count as 0, and all lanes are written.
    width, first, high, end: what makes the divisors, as by `_mean_of`.
    """

    @intrinsic
    def add_parts(typing_context, dy, at, left, width, first, high, end, lines, lines_at):  # type: ignore[no-untyped-def]
        i = types.int64
        signature = types.void(dy, i, i, i, i, i, i, lines, i)

        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            emit = _Emitter(context, builder, signature.args[0].dtype, stride)
            values = emit.load(args[0], args[1], emit.within(emit.whole(0), args[2]), 0.0)
            parts = builder.fdiv(values, _divisors(emit, args[3], args[4], args[6], args[5]))
            every = ir.Constant(ir.VectorType(ir.IntType(1), LANES), [1] * LANES)
            before = emit.load(args[7], args[8], every, 0.0)
            emit.store(builder.fadd(before, parts), args[7], args[8], every)
            return context.get_dummy_value()

        return signature, generate

    return add_parts


def _spread_of(stride: int) -> Any:
    """Make an intrinsic that writes, for each place, the sum of the parts of the windows that hold it.

    lines, at: the parts, at the first window that begins at or before the first place; more lie before and behind.
    width: of a window; dx, dx_at: a line of places; first: the first one to write, negative if that is padding;
    length: of the line.
    """

    @intrinsic
    def spread_parts(typing_context, lines, at, width, dx, dx_at, first, length):  # type: ignore[no-untyped-def]
        i = types.int64
        signature = types.void(lines, i, i, dx, i, i, i)

        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            emit = _Emitter(context, builder, signature.args[0].dtype)
            every = ir.Constant(ir.VectorType(ir.IntType(1), LANES), [1] * LANES)
            sums = []
            for r in range(stride):
                total = _variable(builder, emit.vector)
                builder.store(emit.constant(0.0), total)
                room = builder.add(args[2], emit.whole(stride - 1 - r))
                with cgutils.for_range(builder, builder.sdiv(room, emit.whole(stride))) as tap:
                    values = emit.load(args[0], builder.sub(args[1], tap.index), every, 0.0)
                    builder.store(builder.fadd(builder.load(total), values), total)
                sums.append(builder.load(total))
            lanes = LANES * stride
            woven = emit.shuffle(sums[0], sums[-1], [i // stride + LANES * (i % stride) for i in range(lanes)])
            mask = emit.within(args[5], args[6], lanes)
            emit.store(woven, args[3], builder.add(args[4], args[5]), mask)
            return context.get_dummy_value()

        return signature, generate

    return spread_parts


def _places_of(at: int, row: int, height: int, width: int, first: int, length: int) -> Array:
    columns = np.arange(max(0, first), min(length, first + width))
    return (at + row * np.arange(height)[:, None] + columns).reshape(-1)


def _numbers_only(values: Array) -> Array:
    """Return the values with -inf where they are NaN."""
    seen: Array = np.fmax(values, values.dtype.type(-np.inf))
    return seen


def _max_slowly(stride: int, _columns: int | None) -> Any:
    def write_max(
        x: Array, at: int, row: int, height: int, width: int, first: int, length: int, y: Array, y_at: int, left: int
    ) -> None:
        for i in range(min(LANES, left)):
            y[y_at + i] = _numbers_only(x[_places_of(at, row, height, width, first + stride * i, length)]).max()

    return write_max


def _argmax_slowly(stride: int, _columns: int | None) -> Any:
    def write_argmax(
        x: Array, at: int, row: int, height: int, width: int, first: int, length: int,
        y: Array, y_at: int, left: int, places: Array, place: int,
    ) -> None:  # fmt: skip
        for i in range(min(LANES, left)):
            window = _places_of(at, row, height, width, first + stride * i, length)
            seen = _numbers_only(x[window])
            y[y_at + i], places[y_at + i] = seen.max(), window[np.argmax(seen)] - at + place

    return write_argmax


def _mean_slowly(stride: int, _columns: int | None) -> Any:
    def write_mean(
        x: Array, at: int, row: int, height: int, width: int, first: int, length: int,
        y: Array, y_at: int, left: int, high: int, end: int,
    ) -> None:  # fmt: skip
        for i in range(min(LANES, left)):
            begin = first + stride * i
            window = _places_of(at, row, height, width, begin, length)
            y[y_at + i] = x[window].sum() / (high * (min(begin + width, end) - begin))

    return write_mean


def _add_parts_slowly(stride: int) -> Any:
    def add_parts(
        dy: Array, at: int, left: int, width: int, first: int, high: int, end: int, lines: Array, lines_at: int
    ) -> None:
        for i in range(min(LANES, left)):
            begin = first + stride * i
            lines[lines_at + i] += dy[at + i] / (high * (min(begin + width, end) - begin))

    return add_parts


def _spread_slowly(stride: int) -> Any:
    def spread_parts(lines: Array, at: int, width: int, dx: Array, dx_at: int, first: int, length: int) -> None:
        for i in range(stride * LANES):
            if 0 <= first + i < length:
                taps = len(range(i % stride, width, stride))
                dx[dx_at + first + i] = sum(lines[at + i // stride - t] for t in range(taps))

    return spread_parts


_max: Any = _max_of if JIT_ENABLED else _max_slowly
_argmax: Any = _argmax_of if JIT_ENABLED else _argmax_slowly
_mean: Any = _mean_of if JIT_ENABLED else _mean_slowly
_add_parts: Any = _add_parts_of if JIT_ENABLED else _add_parts_slowly
_spread: Any = _spread_of if JIT_ENABLED else _spread_slowly

# Windows one and two places apart; those of three columns, the usual ones, without a loop over them.
max_1, max_2, max_1_of_3, max_2_of_3 = _max(1, None), _max(2, None), _max(1, 3), _max(2, 3)
argmax_1, argmax_2, argmax_1_of_3, argmax_2_of_3 = _argmax(1, None), _argmax(2, None), _argmax(1, 3), _argmax(2, 3)
mean_1, mean_2, mean_1_of_3, mean_2_of_3 = _mean(1, None), _mean(2, None), _mean(1, 3), _mean(2, 3)
add_parts_1, add_parts_2, spread_1, spread_2 = _add_parts(1), _add_parts(2), _spread(1), _spread(2)
