"""Work on long flat arrays, element by element: how it is cut into tasks.

Elements do not depend on each other, so the bits do not depend on the cuts. Such tasks are bound by memory. Where an
array may be read and written in place they have two loops: the compiler makes vectors only where it can tell, at run
time, that the arrays of a loop are apart.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from pycaffelite.kernels._jit import Array, kernel
from pycaffelite.kernels.tasks import Task, run

_LEAST = 1 << 14  # elements of a task: a few microseconds, several times what it costs to hand one out
MOST_TASKS = 64
IN_PLACE = 2  # where g says whether the arrays are one


def run_flat(work: Task, count: int, arrays: tuple[Array, ...], *numbers: int) -> None:
    """Run a task over `count` elements; its g is (tasks, count, *numbers)."""
    tasks = tasks_for(count)
    run(work, tasks, arrays, _vector(tasks, count, *numbers))


def tasks_for(count: int) -> int:
    """Return into how many tasks work on `count` elements is cut."""
    return max(1, min(MOST_TASKS, count // _LEAST))


@lru_cache
def _vector(*numbers: int) -> npt.NDArray[np.int64]:
    """Return numbers as the vector that tasks take; those of a net's layers and parameters come again and again."""
    return np.array(numbers, np.int64)


@kernel(inner=True)
def span(number: int, g: npt.NDArray[np.int64]) -> tuple[int, int]:
    """Return from where to where the elements of a task reach."""
    return g[1] * number // g[0], g[1] * (number + 1) // g[0]
