"""Putting the numbers of a plane where a mask says, fetching them back, and repeating places.

Planes are flat and one after the other. Parallel over planes, which share nothing.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pycaffelite.kernels._jit import Array
from pycaffelite.kernels.flat import span
from pycaffelite.kernels.tasks import run, task

Numbers = npt.NDArray[np.int64]

_MOST = 64  # tasks
_SMALL, _LARGE = 2, 3  # places of a plane, behind the numbers of tasks and planes


def scatter(x: Array, mask: Array, y: Array, planes: int) -> None:
    """Write y[p, mask[p,i]] = x[p,i], and 0 elsewhere; of equal places the last counts.

    x, mask (in), y (out): flat. The numbers of the mask must be places of a plane of y.
    """
    run(_scatter, min(_MOST, planes), (x, mask, y), _numbers(x, y, planes))


def gather(dy: Array, mask: Array, dx: Array, planes: int) -> None:
    """Write dx[p,i] = dy[p, mask[p,i]]."""
    run(_gather, min(_MOST, planes), (dy, mask, dx), _numbers(dx, dy, planes))


def _numbers(small: Array, large: Array, planes: int) -> Numbers:
    return np.array((min(_MOST, planes), planes, small.size // planes, large.size // planes), np.int64)


@task("fffff")
def _scatter(number: int, _thread: int, x: Array, mask: Array, y: Array, _d: Array, _e: Array, g: Numbers) -> None:
    begin, end = span(number, g)
    for i in range(begin * g[_LARGE], end * g[_LARGE]):
        y[i] = 0
    for plane in range(begin, end):
        start = plane * g[_LARGE]
        for i in range(plane * g[_SMALL], (plane + 1) * g[_SMALL]):
            y[start + int(mask[i])] = x[i]


@task("fffff")
def _gather(number: int, _thread: int, dy: Array, mask: Array, dx: Array, _d: Array, _e: Array, g: Numbers) -> None:
    begin, end = span(number, g)
    for plane in range(begin, end):
        start = plane * g[_LARGE]
        for i in range(plane * g[_SMALL], (plane + 1) * g[_SMALL]):
            dx[i] = dy[start + int(mask[i])]
