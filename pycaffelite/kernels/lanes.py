"""Writing vector code that is masked, in LLVM IR: for kernels on short lines of places.

A masked lane is neither read nor written, so it may lie beyond the end of an array.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import cgutils

_get_function: Any = cgutils.get_or_insert_function
_LINE = 64  # bytes
_I32, _I64 = ir.IntType(32), ir.IntType(64)


def prefetch(builder: Any, place: Any, write: bool = False) -> None:
    """Ask for the cache line at a pointer, which may lie behind the end of an array, to read it or to write it."""
    i8 = ir.IntType(8).as_pointer()
    function = ir.FunctionType(ir.VoidType(), [i8, _I32, _I32, _I32])
    arguments = [builder.bitcast(place, i8), *(ir.Constant(_I32, number) for number in (int(write), 3, 1))]
    builder.call(_get_function(builder.module, function, "llvm.prefetch.p0i8"), arguments)  # data, into all caches


class Lanes:
    """Writes code on vectors of `lanes` floats and, as places, integers of the same width."""

    def __init__(self, context: Any, builder: Any, float_type: Any, lanes: int) -> None:
        self.builder, self.lanes = builder, lanes
        self.bits = float_type.bitwidth
        self.scalar = context.get_value_type(float_type)
        self.vector = ir.VectorType(self.scalar, lanes)
        self.places = ir.VectorType(ir.IntType(self.bits), lanes)

    def whole(self, number: int) -> Any:
        """Return a constant of 64 bits."""
        return ir.Constant(_I64, number)

    def constant(self, number: float) -> Any:
        """Return a vector of one float."""
        return ir.Constant(self.vector, [number] * self.lanes)

    def shuffle(self, a: Any, b: Any, order: list[int]) -> Any:
        """Return the elements of a and b in this order."""
        return self.builder.shuffle_vector(a, b, ir.Constant(ir.VectorType(_I32, len(order)), order))

    def spread(self, one: Any, lanes: int | None = None) -> Any:
        """Return a vector with `one` in every lane."""
        lanes = lanes or self.lanes
        nothing = ir.Constant(ir.VectorType(one.type, lanes), ir.Undefined)
        return self.shuffle(self.builder.insert_element(nothing, one, ir.Constant(_I32, 0)), nothing, [0] * lanes)

    def numbers(self, first: Any, element: Any, step: int = 1, lanes: int | None = None) -> Any:
        """Return first, first + step, first + 2 step ... as integers of another width."""
        lanes = lanes or self.lanes
        one = self.builder.trunc(first, element) if element.width < 64 else first
        steps = ir.Constant(ir.VectorType(element, lanes), [step * i for i in range(lanes)])
        return self.builder.add(self.spread(one, lanes), steps)

    def numbers_only(self, values: Any) -> Any:
        """Return the values with -inf where they are NaN, so that any number is larger."""
        least = self.constant(-np.inf)
        return self.builder.select(self.builder.fcmp_ordered(">", values, least), values, least)

    def within(self, first: Any, length: Any, lanes: int | None = None) -> Any:
        """Return which of first, first + 1, first + 2 ... are at least 0 and less than length."""
        lanes = lanes or self.lanes
        limit = self.spread(self.builder.trunc(length, _I32), lanes)
        return self.builder.icmp_unsigned("<", self.numbers(first, _I32, lanes=lanes), limit)

    def load(self, base: Any, offset: Any, mask: Any, otherwise: float) -> Any:
        """Load a vector from `base + offset` elements; masked lanes are `otherwise`."""
        lanes, element = mask.type.count, base.type.pointee
        kind, letter = ir.VectorType(element, lanes), "i" if isinstance(element, ir.IntType) else "f"
        pointer = self.builder.bitcast(self.builder.gep(base, [offset]), kind.as_pointer())
        signature = ir.FunctionType(kind, [pointer.type, _I32, mask.type, kind])
        function = _get_function(self.builder.module, signature, f"llvm.masked.load.v{lanes}{letter}{self.bits}.p0")
        align = ir.Constant(_I32, self.bits // 8)
        return self.builder.call(function, [pointer, align, mask, ir.Constant(kind, [otherwise] * lanes)])

    def store(self, value: Any, base: Any, offset: Any, mask: Any) -> None:
        """Store a vector to `base + offset` elements but for masked lanes; without a mask, past the caches.

        Such a vector must fill cache lines. Other threads see it after the next atomic operation at the latest, such as
        the end of a parallel loop.
        """
        pointer = self.builder.bitcast(self.builder.gep(base, [offset]), value.type.as_pointer())
        if mask is None:
            instruction = self.builder.store(value, pointer)
            instruction.align = _LINE
            instruction.set_metadata("nontemporal", self.builder.module.add_metadata([ir.Constant(_I32, 1)]))
            return
        signature = ir.FunctionType(ir.VoidType(), [value.type, pointer.type, _I32, mask.type])
        name = "i" if isinstance(value.type.element, ir.IntType) else "f"
        name = f"llvm.masked.store.v{value.type.count}{name}{self.bits}.p0"
        function = _get_function(self.builder.module, signature, name)
        self.builder.call(function, [value, pointer, ir.Constant(_I32, self.bits // 8), mask])

    def ask(self, base: Any, offset: Any, lanes: int, ahead: int, write: bool = False) -> None:
        """Ask for the cache lines of some elements, from a number of bytes behind `base + offset` elements on."""
        itemsize = self.bits // 8
        for distance in range(ahead, ahead + lanes * itemsize, _LINE):
            place = self.builder.add(offset, self.whole(distance // itemsize))
            prefetch(self.builder, self.builder.gep(base, [place]), write)
