"""Runs of tasks that need not wait for each other, joined into one run.

To start a kernel from Python costs several times what a task on a few hundred numbers takes. So calls that come again
and again on the same arrays are written down once, as addresses, and one task after the other makes them.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from pycaffelite.kernels._jit import JIT_ENABLED, Array
from pycaffelite.kernels.tasks import ARRAYS, Task, run, task

Numbers = npt.NDArray[np.int64]

_POINTERS = ARRAYS + 1  # the last one to g
_CALL = 1 + _POINTERS  # numbers of a call in the table: the function's address first


class Call(NamedTuple):
    """What `tasks.run` takes, for a single task."""

    work: Task
    arrays: tuple[Array, ...]
    g: Numbers


class Joined:
    """A run whose tasks are lists of calls.

    Args:
        tasks: For each task, the calls that it makes one after the other; all arrays are of the same float type. The
            tasks must not depend on each other.
    """

    def __init__(self, tasks: Sequence[Sequence[Call]]) -> None:
        self._tasks = tasks  # they keep the arrays where they are

    def run(self) -> None:
        """Do everything."""
        if JIT_ENABLED:
            run(_make_calls, len(self._tasks), self._like, self._table)
            return
        for calls in self._tasks:
            for call in calls:
                run(call.work, 1, call.arrays, call.g)

    @cached_property
    def _like(self) -> tuple[Array]:
        """An array that tells the float type."""
        return (self._tasks[0][0].arrays[0],)

    @cached_property
    def _table(self) -> Numbers:
        """Where the calls of each task begin, and where the last ones end; then the calls."""
        counts = [len(calls) for calls in self._tasks]
        begins = len(counts) + 1 + _CALL * np.cumsum([0, *counts])
        return np.array([*begins, *(number for calls in self._tasks for call in calls for number in _numbers(call))])


def _numbers(call: Call) -> list[int]:
    """Return a call as the table holds it; arrays that the task has no use for are the first one."""
    first = call.arrays[0]
    arrays = (*call.arrays, *(first,) * (ARRAYS - len(call.arrays)), call.g)
    return [call.work.address(first.dtype), *(array.ctypes.data for array in arrays)]


@intrinsic
def _emit_call(typing_context, table, place, thread):  # type: ignore[no-untyped-def]
    """Make the call at a place of the table."""
    signature = types.void(table, types.int64, types.int64)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        table, place, thread = args
        word, pointer = ir.IntType(64), ir.IntType(8).as_pointer()
        numbers = [
            builder.load(builder.gep(table, [builder.add(place, ir.Constant(word, offset))])) for offset in range(_CALL)
        ]
        function = ir.FunctionType(ir.VoidType(), [word, word, *[pointer] * _POINTERS]).as_pointer()
        pointers = [builder.inttoptr(number, pointer) for number in numbers[1:]]
        builder.call(builder.inttoptr(numbers[0], function), [ir.Constant(word, 0), thread, *pointers])
        return context.get_dummy_value()

    return signature, generate


_call: Any = _emit_call  # to a type checker an intrinsic still has its typing context


@task("fffff")
def _make_calls(
    number: int, thread: int, _a: Array, _b: Array, _c: Array, _d: Array, _e: Array, table: Numbers
) -> None:
    """Make the calls of one task."""
    for place in range(table[number], table[number + 1], _CALL):
        _call(table, place, thread)
