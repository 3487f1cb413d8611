"""Putting the numbers of a plane where a mask says, fetching them back, and repeating places.

Parallel over planes, or rows of them, which share nothing; bound by memory.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pycaffelite.kernels._jit import Array
from pycaffelite.kernels.flat import span
from pycaffelite.kernels.tasks import run, task

Numbers = npt.NDArray[np.int64]

_MOST = 64  # tasks
_WORTH = 1 << 14  # elements of a task
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


def repeat(x: Array, y: Array) -> None:
    """Write y[p, h a + i, w b + j] = x[p,h,w], for x (P, H, W) and y (P, H a, W b)."""
    if y.size:
        g = _blocks(x, y)
        run(_repeat, int(g[0]), (x.reshape(-1), y.reshape(-1)), g)


def add_up(dy: Array, dx: Array) -> None:
    """Write dx[p,h,w] = the sum over i < a, j < b of dy[p, h a + i, w b + j]."""
    if dy.size:
        g = _blocks(dx, dy)
        run(_add_up, int(g[0]), (dy.reshape(-1), dx.reshape(-1)), g)


def _blocks(small: Array, large: Array) -> Numbers:
    """Return tasks, rows of all planes, columns, and the scales."""
    planes, height, width = small.shape
    rows = planes * height
    scales = large.shape[1] // height, large.shape[2] // width
    return np.array((max(1, min(_MOST, rows, large.size // _WORTH)), rows, width, *scales), np.int64)


@task("fffff")
def _repeat(number: int, _thread: int, x: Array, y: Array, _c: Array, _d: Array, _e: Array, g: Numbers) -> None:
    begin, end = span(number, g)
    width, tall, wide = g[2], g[3], g[4]
    for row in range(begin, end):
        first = row * tall * width * wide
        for w in range(width):
            value = x[row * width + w]
            for j in range(wide):
                y[first + w * wide + j] = value
        for i in range(1, tall):
            for j in range(width * wide):
                y[first + i * width * wide + j] = y[first + j]


@task("fffff")
def _add_up(number: int, _thread: int, dy: Array, dx: Array, _c: Array, _d: Array, _e: Array, g: Numbers) -> None:
    begin, end = span(number, g)
    width, tall, wide = g[2], g[3], g[4]
    for row in range(begin, end):
        first = row * tall * width * wide
        for w in range(width):
            dx[row * width + w] = 0
        for i in range(tall):
            for w in range(width):
                total = dx[row * width + w]
                for j in range(wide):
                    total += dy[first + (i * width + w) * wide + j]
                dx[row * width + w] = total
