"""Writing straight-line vector code in LLVM IR: loads, stores, shuffles and sums of whole registers.

For kernels whose loops the compiler would not turn into vectors: short rows, every second element, sums that must stay
in registers. Vectors may be longer than the processor's; LLVM splits them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from pycaffelite.kernels._jit import JIT_ENABLED, Array
from pycaffelite.kernels.lanes import prefetch

WORD = ir.IntType(64)
_get_function: Any = cgutils.get_or_insert_function


def word(value: int) -> Any:
    """Return a constant of 64 bits."""
    return ir.Constant(WORD, value)


class Vectors:
    """Writes code on vectors of `lanes` floats; bases are pointers to scalars, offsets count scalars."""

    def __init__(self, builder: Any, itemsize: int, lanes: int) -> None:
        self.builder, self.itemsize, self.lanes = builder, itemsize, lanes
        self.scalar = ir.FloatType() if itemsize == 4 else ir.DoubleType()
        self.kind = ir.VectorType(self.scalar, lanes)

    def pointer(self, address: Any) -> Any:
        """Make a pointer to scalars of an address."""
        return self.builder.inttoptr(address, self.scalar.as_pointer())

    def load(self, base: Any, offset: Any, lanes: int | None = None) -> Any:
        """Load a vector that need not be aligned."""
        kind = ir.VectorType(self.scalar, lanes or self.lanes)
        place = self.builder.gep(base, [offset])
        value = self.builder.load(self.builder.bitcast(place, kind.as_pointer()))
        value.align = self.itemsize
        return value

    def store(self, value: Any, base: Any, offset: Any, past_caches: bool = False) -> None:
        """Store a vector; one that goes past the caches must be aligned to its whole length.

        Other threads see that after the next atomic operation at the latest, such as the end of a parallel loop.
        """
        place = self.builder.bitcast(self.builder.gep(base, [offset]), value.type.as_pointer())
        instruction = self.builder.store(value, place)
        instruction.align = self.itemsize * (self.lanes if past_caches else 1)
        if past_caches:
            one = ir.Constant(ir.IntType(32), 1)
            instruction.set_metadata("nontemporal", self.builder.module.add_metadata([one]))

    def prefetch(self, base: Any, offset: Any) -> None:
        """Ask for the cache line of an element, which may lie behind the end."""
        prefetch(self.builder, self.builder.gep(base, [offset]))

    def spread(self, base: Any, index: int) -> Any:
        """Load one scalar into every lane."""
        value = self.builder.load(self.builder.gep(base, [word(index)]))
        nothing = ir.Constant(self.kind, ir.Undefined)
        first = self.builder.insert_element(nothing, value, ir.Constant(ir.IntType(32), 0))
        return self.shuffle(first, nothing, [0] * self.lanes)

    def shuffle(self, a: Any, b: Any, order: list[int]) -> Any:
        """Return the elements of a and b in this order."""
        return self.builder.shuffle_vector(a, b, ir.Constant(ir.VectorType(ir.IntType(32), len(order)), order))

    def constant(self, value: float) -> Any:
        """Return a vector of one number."""
        return ir.Constant(self.kind, [value] * self.lanes)

    def multiply_add(self, a: Any, b: Any, c: Any) -> Any:
        """Return a b + c, or a b where c is None."""
        if c is None:
            return self.builder.fmul(a, b)
        name = f"llvm.fmuladd.v{self.lanes}f{8 * self.itemsize}"
        return self.builder.call(
            _get_function(self.builder.module, ir.FunctionType(self.kind, [self.kind] * 3), name), [a, b, c]
        )

    def finish(self, value: Any, scale: Any, shift: Any, slope: Any) -> Any:
        """Return act(scale value + shift), where act(v) = v if v > 0 else slope v."""
        value = self.multiply_add(value, scale, shift)
        positive = self.builder.fcmp_ordered(">", value, self.constant(0.0))
        return self.builder.select(positive, value, self.builder.fmul(slope, value))


def element(context: Any, builder: Any, kind: Any, value: Any, index: Any) -> Any:
    """Return a pointer to one element of a flat array or behind a pointer."""
    data = value if isinstance(kind, types.CPointer) else context.make_array(kind)(context, builder, value).data
    return builder.gep(data, [index])


def call_address(context: Any, builder: Any, kinds: Any, args: Any, arrays: tuple[int, ...]) -> Any:
    """Emit the call of the function at the address args[0]; all its arguments are words.

    At the positions `arrays` of args stand an array and an index, which together become one address.
    """
    values = []
    for position, value in enumerate(args[1:], 1):
        if position in arrays:
            place = element(context, builder, kinds[position], value, args[position + 1])
            values.append(builder.ptrtoint(place, WORD))
        elif position - 1 not in arrays:
            values.append(value)
    function = ir.FunctionType(ir.VoidType(), [WORD] * len(values)).as_pointer()
    builder.call(builder.inttoptr(args[0], function), values)
    return context.get_dummy_value()


def _splitting(ways: int, count: int) -> Any:
    """Make an intrinsic that deals ways * count elements out to `ways` runs."""

    @intrinsic
    def deal(typing_context, target, target_at, pitch, source, source_at):  # type: ignore[no-untyped-def]
        i = types.int64
        signature = types.void(target, i, i, source, i)

        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            kinds = signature.args
            emit = Vectors(builder, kinds[0].dtype.bitwidth // 8, count)
            all_of_them = emit.load(element(context, builder, kinds[3], args[3], args[4]), word(0), ways * count)
            target = element(context, builder, kinds[0], args[0], args[1])
            for way in range(ways):
                run = emit.shuffle(all_of_them, all_of_them, list(range(way, ways * count, ways)))
                emit.store(run, target, builder.mul(args[2], word(way)))
            return context.get_dummy_value()

        return signature, generate

    return deal


def _split_slowly(ways: int, count: int) -> Any:
    def deal(target: Array, target_at: int, pitch: int, source: Array, source_at: int) -> None:
        for way in range(ways):
            places = np.arange(count)
            target[target_at + way * pitch + places] = source[source_at + way + ways * places]

    return deal


@intrinsic
def _emit_clear(typing_context, target, target_at):  # type: ignore[no-untyped-def]
    """Store zeros to SPLIT elements."""
    signature = types.void(target, types.int64)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind = signature.args[0]
        emit = Vectors(builder, kind.dtype.bitwidth // 8, SPLIT)
        emit.store(emit.constant(0.0), element(context, builder, kind, *args), word(0))
        return context.get_dummy_value()

    return signature, generate


def _clear_slowly(target: Array, target_at: int) -> None:
    target[target_at + np.arange(SPLIT)] = 0


SPLIT = 16  # elements of each run that `split` writes, and that `clear` does

split1: Any = _splitting(1, SPLIT) if JIT_ENABLED else _split_slowly(1, SPLIT)
split2: Any = _splitting(2, SPLIT) if JIT_ENABLED else _split_slowly(2, SPLIT)
split4: Any = _splitting(4, SPLIT) if JIT_ENABLED else _split_slowly(4, SPLIT)
clear: Any = _emit_clear if JIT_ENABLED else _clear_slowly
