"""Maxima of 2 x 2 windows, several side by side in vector registers, written in LLVM IR.

The compiler does not find vectors in loops that take every second element, and these loops are bound by how fast they
read. With the JIT off the same names are plain Python.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from pycaffelite.kernels._jit import JIT_ENABLED, Array


class _Emitter:
    """Writes vector code on pointers to floats and to integers of the same width."""

    def __init__(self, context: Any, builder: Any, float_type: Any, lanes: int) -> None:
        self.builder, self.lanes = builder, lanes
        self.itemsize = float_type.bitwidth // 8
        self.scalar = context.get_value_type(float_type)
        self.integer = ir.IntType(float_type.bitwidth)

    def load(self, base: Any, offset: Any, element: Any, lanes: int) -> Any:
        """Load a vector from `base + offset` elements."""
        kind = ir.VectorType(element, lanes)
        value = self.builder.load(self.builder.bitcast(self.builder.gep(base, [offset]), kind.as_pointer()))
        value.align = self.itemsize
        return value

    def store(self, value: Any, base: Any, offset: Any) -> None:
        """Store a vector to `base + offset` elements."""
        pointer = self.builder.bitcast(self.builder.gep(base, [offset]), value.type.as_pointer())
        self.builder.store(value, pointer).align = self.itemsize

    def shuffle(self, a: Any, b: Any, order: list[int]) -> Any:
        """Return the elements of a and b in this order."""
        return self.builder.shuffle_vector(a, b, ir.Constant(ir.VectorType(ir.IntType(32), len(order)), order))

    def pairs(self, base: Any, offset: Any) -> tuple[Any, Any]:
        """Load the elements at even and at odd places."""
        both = self.load(base, offset, self.scalar, 2 * self.lanes)
        even = list(range(0, 2 * self.lanes, 2))
        return self.shuffle(both, both, even), self.shuffle(both, both, [i + 1 for i in even])

    def places(self, first: Any) -> Any:
        """Return first, first + 2, first + 4 ... as a vector of integers."""
        vector = ir.VectorType(self.integer, self.lanes)
        one = self.builder.trunc(first, self.integer) if self.itemsize < 8 else first
        spread = self.builder.insert_element(ir.Constant(vector, ir.Undefined), one, ir.Constant(ir.IntType(32), 0))
        spread = self.shuffle(spread, spread, [0] * self.lanes)
        return self.builder.add(spread, ir.Constant(vector, list(range(0, 2 * self.lanes, 2))))

    def number(self, value: int) -> Any:
        """Return a vector of one integer."""
        return ir.Constant(ir.VectorType(self.integer, self.lanes), [value] * self.lanes)

    def more(self, places: Any, count: Any) -> Any:
        """Return places + count; count is an integer of 64 bits."""
        vector = ir.VectorType(self.integer, self.lanes)
        one = self.builder.trunc(count, self.integer) if self.itemsize < 8 else count
        spread = self.builder.insert_element(ir.Constant(vector, ir.Undefined), one, ir.Constant(ir.IntType(32), 0))
        return self.builder.add(places, self.shuffle(spread, spread, [0] * self.lanes))

    def numbers_only(self, a: Any) -> Any:
        """Return a with -inf where it is NaN, so that any number is larger."""
        least = ir.Constant(a.type, [-np.inf] * self.lanes)
        return self.builder.select(self.builder.fcmp_ordered("ord", a, a), a, least)

    def larger(self, a: Any, a_places: Any, b: Any, b_places: Any) -> tuple[Any, Any]:
        """Return b and its places where b is larger, else a and its."""
        wins = self.builder.fcmp_ordered(">", b, a)
        return self.builder.select(wins, b, a), self.builder.select(wins, b_places, a_places)


def _max_of(lanes: int) -> Any:
    """Make an intrinsic (x, x_at, width, y, y_at, places, place) for `lanes` windows side by side."""

    @intrinsic
    def max_quads(typing_context, x, x_at, width, y, y_at, places, place):  # type: ignore[no-untyped-def]
        i = types.int64
        signature = types.void(x, i, i, y, i, places, i)

        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            x, x_at, width, y, y_at, places, place = args
            emit = _Emitter(context, builder, signature.args[0].dtype, lanes)
            a, b = emit.pairs(x, x_at)
            c, d = emit.pairs(x, builder.add(x_at, width))
            upper, right_above = emit.larger(emit.numbers_only(a), emit.number(0), b, emit.number(1))
            lower, right_below = emit.larger(emit.numbers_only(c), emit.number(0), d, emit.number(1))
            value, at = emit.larger(upper, right_above, lower, emit.more(right_below, width))
            at = builder.add(at, emit.places(place))
            emit.store(value, y, y_at)
            emit.store(at, places, y_at)
            return context.get_dummy_value()

        return signature, generate

    return max_quads


def _spread_of(lanes: int) -> Any:
    """Make an intrinsic (dy, places, y_at, dx, x_at, width, place) for `lanes` windows side by side."""

    @intrinsic
    def spread_quads(typing_context, dy, places, y_at, dx, x_at, width, place):  # type: ignore[no-untyped-def]
        i = types.int64
        signature = types.void(dy, places, i, dx, i, i, i)

        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            dy, places, y_at, dx, x_at, width, place = args
            emit = _Emitter(context, builder, signature.args[0].dtype, lanes)
            value = emit.load(dy, y_at, emit.scalar, lanes)
            chosen = emit.load(places, y_at, emit.integer, lanes)
            zero = ir.Constant(value.type, [0.0] * lanes)
            one = ir.Constant(ir.IntType(64), 1)
            order = [half * lanes + i for i in range(lanes) for half in range(2)]
            at = emit.places(place)
            for _row in range(2):
                following = emit.more(at, one)
                left = builder.select(builder.icmp_signed("==", chosen, at), value, zero)
                right = builder.select(builder.icmp_signed("==", chosen, following), value, zero)
                emit.store(emit.shuffle(left, right, order), dx, x_at)
                at, x_at = emit.more(at, width), builder.add(x_at, width)
            return context.get_dummy_value()

        return signature, generate

    return spread_quads


def _max_slowly(lanes: int) -> Any:
    def max_quads(x: Array, x_at: int, width: int, y: Array, y_at: int, places: Array, place: int) -> None:
        offsets = np.array([0, 1, width, width + 1])
        for i in range(lanes):
            seen = np.fmax(x[x_at + 2 * i + offsets], -np.inf)
            winner = offsets[np.argmax(seen)]
            y[y_at + i] = seen.max()
            places[y_at + i] = place + 2 * i + winner

    return max_quads


def _spread_slowly(lanes: int) -> Any:
    def spread_quads(dy: Array, places: Array, y_at: int, dx: Array, x_at: int, width: int, place: int) -> None:
        for i in range(lanes):
            for offset in (0, 1, width, width + 1):
                hit = places[y_at + i] == place + 2 * i + offset
                dx[x_at + 2 * i + offset] = dy[y_at + i] if hit else 0

    return spread_quads


max_quads8: Any = _max_of(8) if JIT_ENABLED else _max_slowly(8)
max_quads1: Any = _max_of(1) if JIT_ENABLED else _max_slowly(1)
spread_quads8: Any = _spread_of(8) if JIT_ENABLED else _spread_slowly(8)
spread_quads1: Any = _spread_of(1) if JIT_ENABLED else _spread_slowly(1)
max_quads4: Any = _max_of(4) if JIT_ENABLED else _max_slowly(4)
spread_quads4: Any = _spread_of(4) if JIT_ENABLED else _spread_slowly(4)
