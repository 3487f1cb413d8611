"""Rows multiplied by a number each, plus other rows. Parallel over rows; bound by memory."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pycaffelite.kernels._jit import Array
from pycaffelite.kernels.flat import span
from pycaffelite.kernels.tasks import run, task

_WORTH = 1 << 14  # elements of a task


def axpy(factors: Array, x: Array, z: Array, y: Array) -> None:
    """Write y[r,s] = factors[r] x[r,s] + z[r,s]. factors, x, z (in), y (out): flat."""
    if x.size:
        tasks = max(1, min(64, factors.size, x.size // _WORTH))
        run(_axpy, tasks, (factors, x, z, y), np.array((tasks, factors.size, x.size // factors.size), np.int64))


@task("fffff")
def _axpy(
    number: int, _thread: int, factors: Array, x: Array, z: Array, y: Array, _e: Array, g: npt.NDArray[np.int64]
) -> None:
    begin, end = span(number, g)
    for row in range(begin, end):
        factor = factors[row]
        for i in range(row * g[2], (row + 1) * g[2]):
            y[i] = factor * x[i] + z[i]
