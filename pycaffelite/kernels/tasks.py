"""One parallel loop for all matrix kernels.

Numba needs a second or more to compile a parallel loop, so there is only one: it calls a C function, by its address,
for each task. The functions are serial, take plain pointers, and compile fast. Write one as

    @task("fffff")
    def add(number, thread, a, b, c, _d, _e, g):
        '''Write c[i] = a[i] + b[i] for the elements of one task.'''

and run it with `run(add, count, (a, b, c), g)`. The five letters tell what the arrays hold: "f" the float type of the
run, "i" integers of the same width, "d" doubles, "b" single bytes. All arrays are flat; `g` is an int64 vector. With
the JIT off it is all plain Python.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
import numpy as np
import numpy.typing as npt
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from pycaffelite.kernels._jit import FASTMATH, JIT_ENABLED, Array, kernel, prange, thread_id

ARRAYS = 5
_pointer: Any = types.CPointer


class Task:
    """A function that does one piece of a kernel's work; compiled for a float type when it is first run on one."""

    def __init__(self, function: Callable[..., None], kinds: str) -> None:
        self.function = function
        self.kinds = kinds
        self.takes_bytes = "b" in kinds
        self.__doc__ = function.__doc__
        self._compiled: dict[str, tuple[int, Any]] = {}  # with the function itself, to keep it

    def address(self, dtype: np.dtype[Any]) -> int:
        """Return the address of the compiled function."""
        found = self._compiled.get(dtype.char)  # dtype.name takes longer than a small task
        if found is None:
            bits = 8 * dtype.itemsize
            pointers = {"f": getattr(types, f"float{bits}"), "i": getattr(types, f"int{bits}")}
            pointers |= {"d": types.float64, "b": types.uint8}
            arrays = [_pointer(pointers[kind]) for kind in self.kinds]
            signature = types.void(types.int64, types.int64, *arrays, _pointer(types.int64))
            compiled: Any = numba.cfunc(signature, cache=True, fastmath=FASTMATH, error_model="numpy")(self.function)
            found = self._compiled[dtype.char] = int(compiled.address), compiled
        return found[0]


def task(kinds: str) -> Callable[[Callable[..., None]], Task]:
    """Make a task of a function of (number of the task, number of the thread, five arrays, g)."""
    return lambda function: Task(function, kinds)


def run(work: Task, count: int, arrays: tuple[Array, ...], g: npt.NDArray[np.int64]) -> None:
    """Do tasks 0 to count - 1, in parallel and in any order.

    Args:
        work: The function.
        count: How many tasks there are; must not depend on the number of threads where tasks sum up.
        arrays: At most five flat arrays of the same float type, the first one at least, or for kind "b" of bytes;
            those of kinds "i" and "d" are seen as integers and doubles by the task.
        g: What else the function needs.
    """
    first = arrays[0]
    filled: Any = (*arrays, *(first,) * (ARRAYS - len(arrays)))  # a task does not look at those it has no use for
    if JIT_ENABLED:
        if work.takes_bytes:  # the loop passes on where an array begins, no more
            filled = [array[:0].view(first.dtype) if kind == "b" else array
                      for array, kind in zip(filled, work.kinds, strict=True)]  # fmt: skip
        a, b, c, d, e = filled
        _run(work.address(first.dtype), count, a, b, c, d, e, g)
        return
    seen_as = {"i": f"i{first.itemsize}", "d": "f8"}
    views = [
        array.view(seen_as[kind]) if kind in seen_as else array for array, kind in zip(filled, work.kinds, strict=True)
    ]
    for number in range(count):
        work.function(number, 0, *views, g)


@intrinsic
def _emit_call(typing_context, address, number, thread, a, b, c, d, e, g):  # type: ignore[no-untyped-def]
    """Call the C function at an address with two numbers and pointers to the first elements of arrays."""
    signature = types.void(types.int64, types.int64, types.int64, a, b, c, d, e, g)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        word, pointer = ir.IntType(64), ir.IntType(8).as_pointer()
        values = [args[1], args[2]]
        for kind, value in zip(signature.args[3:], args[3:], strict=True):
            values.append(builder.bitcast(context.make_array(kind)(context, builder, value).data, pointer))
        function = ir.FunctionType(ir.VoidType(), [word, word, *[pointer] * (ARRAYS + 1)]).as_pointer()
        builder.call(builder.inttoptr(args[0], function), values)
        return context.get_dummy_value()

    return signature, generate


_call: Any = _emit_call  # to a type checker an intrinsic still has its typing context


@kernel(parallel=True)
def _run(address: int, count: int, a: Array, b: Array, c: Array, d: Array, e: Array, g: npt.NDArray[np.int64]) -> None:
    """Call the function for each task; a single one without waking the other threads."""
    if count == 1:
        _call(address, 0, 0, a, b, c, d, e, g)
    else:
        for number in prange(count):
            _call(address, number, thread_id(), a, b, c, d, e, g)
