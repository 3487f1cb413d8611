"""Copying and adding eight neighbouring elements at once, written in LLVM IR: for runs too short for a compiled loop.

With the JIT off the same names are plain Python.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from pycaffelite.kernels._jit import JIT_ENABLED, Array

SHORT = 8  # elements that `copy8` and `add8` move


def _move8(add: bool) -> Any:
    """Make an intrinsic that copies, or adds, SHORT elements of a flat array to another."""

    @intrinsic
    def move(typing_context, target, target_at, source, source_at):  # type: ignore[no-untyped-def]
        signature = types.void(target, types.int64, source, types.int64)

        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            kind = ir.VectorType(context.get_value_type(signature.args[0].dtype), SHORT)
            align = signature.args[0].dtype.bitwidth // 8
            places = []
            for position in (0, 2):
                place = _address(context, builder, signature.args[position], args[position], args[position + 1])
                places.append(builder.bitcast(place, kind.as_pointer()))
            value = builder.load(places[1])
            value.align = align
            if add:
                old = builder.load(places[0])
                old.align = align
                value = builder.fadd(old, value)
            builder.store(value, places[0]).align = align
            return context.get_dummy_value()

        return signature, generate

    return move


def _address(context: Any, builder: Any, kind: Any, value: Any, index: Any) -> Any:
    """Return the address of one element of a flat array or behind a pointer."""
    data = value if isinstance(kind, types.CPointer) else context.make_array(kind)(context, builder, value).data
    return builder.gep(data, [index])


def _copy8_slowly(target: Array, target_at: int, source: Array, source_at: int) -> None:
    columns = np.arange(SHORT)
    target[target_at + columns] = source[source_at + columns]


def _add8_slowly(target: Array, target_at: int, source: Array, source_at: int) -> None:
    columns = np.arange(SHORT)
    target[target_at + columns] += source[source_at + columns]


copy8: Any = _move8(add=False) if JIT_ENABLED else _copy8_slowly
add8: Any = _move8(add=True) if JIT_ENABLED else _add8_slowly
