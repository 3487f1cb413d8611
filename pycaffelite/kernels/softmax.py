"""Softmax over the middle axis of a view (N, C, I), flat: a column is the C numbers of one n and one i.

Parallel over columns. Cost: one exponential an element.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from pycaffelite.kernels._jit import Array, kernel
from pycaffelite.kernels.exponential import negative_exp
from pycaffelite.kernels.flat import span
from pycaffelite.kernels.tasks import run, task
from pycaffelite.kernels.workspace import most_threads, workspace

Numbers = npt.NDArray[np.int64]
Shape = tuple[int, int, int]

# Columns that are worked on together where they lie side by side in memory: loops then run along memory, and the
# channels of a block stay in the cache between the passes.
BLOCK = 64

COUNT, CHANNELS, INNER, MORE = 1, 2, 3, 4  # places in g
_WORTH = 1 << 12  # elements of a task


def forward(scores: Array, probabilities: Array, shape: Shape) -> None:
    """Write p[n,c,i] = exp(x[n,c,i] - m) / Σ_k exp(x[n,k,i] - m), m = max_k x[n,k,i].

    NaN in any score makes its whole column NaN.

    Args:
        scores: (N * C * I), in: x.
        probabilities: (N * C * I), out: p; may be `scores`.
        shape: N, C, I.
    """
    tasks, numbers = columns(shape)
    if shape[2] == 1:  # a net needs one of the two, and compiles no more
        run(_rows, tasks, (scores, probabilities), numbers)
    else:
        run(_forward, tasks, (scores, probabilities, _scratch(scores)), numbers)


def backward(probabilities: Array, top_diff: Array, bottom_diff: Array, shape: Shape) -> None:
    """Write dx[n,c,i] = (dp[n,c,i] - Σ_k dp[n,k,i] p[n,k,i]) p[n,c,i].

    Args:
        probabilities: (N * C * I), in: p.
        top_diff: (N * C * I), in: dp.
        bottom_diff: (N * C * I), out: dx; may be `top_diff`.
        shape: N, C, I.
    """
    tasks, numbers = columns(shape)
    run(_backward, tasks, (probabilities, top_diff, bottom_diff, _scratch(top_diff)), numbers)


@lru_cache
def columns(shape: Shape, *more: int) -> tuple[int, Numbers]:
    """Return how many tasks share the columns, and their g: that number, the columns, C, I, and what else they take."""
    outer, channels, inner = shape
    count = outer * inner
    tasks = max(1, min(64, count, count * channels // _WORTH))
    return tasks, np.array((tasks, count, channels, inner, *more), np.int64)


def _scratch(like: Array) -> Array:
    """Return scratch memory for a block of columns of each thread."""
    return workspace(like.dtype, 2 * BLOCK * most_threads())


@kernel(inner=True)
def _row(x: Array, y: Array, start: int, channels: int) -> None:
    """Do a column whose numbers lie side by side; the sum is in double."""
    end = start + channels
    # Four maxima that do not wait for each other.
    most, second, third, fourth = x[start], x[start], x[start], x[start]
    for c in range(start, end - 3, 4):
        most, second = max(most, x[c]), max(second, x[c + 1])
        third, fourth = max(third, x[c + 2]), max(fourth, x[c + 3])
    for c in range(end - channels % 4, end):
        most = max(most, x[c])
    most = max(most, second, third, fourth)
    for c in range(start, end):
        y[c] = x[c] - most
    total = 0.0
    for c in range(start, end):
        power = negative_exp(y[c])
        y[c] = power
        total += power
    y_share = 1.0 / total
    for c in range(start, end):
        y[c] *= y_share


@task("fffff")
def _rows(number: int, _thread: int, x: Array, y: Array, _c: Array, _d: Array, _e: Array, g: Numbers) -> None:
    """Do columns whose numbers lie side by side."""
    begin, end = span(number, g)
    for n in range(begin, end):
        _row(x, y, n * g[CHANNELS], g[CHANNELS])


@task("fffff")
def _forward(number: int, thread: int, x: Array, y: Array, scratch: Array, _d: Array, _e: Array, g: Numbers) -> None:
    """Do columns that lie side by side, in blocks."""
    begin, end = span(number, g)
    channels, inner = g[CHANNELS], g[INNER]
    most = 2 * BLOCK * thread
    total = most + BLOCK
    column = begin
    while column < end:
        n, i = column // inner, column % inner
        count = min(BLOCK, inner - i, end - column)
        start = n * channels * inner + i
        for k in range(count):
            scratch[most + k] = x[start + k]
            scratch[total + k] = 0
        for c in range(1, channels):
            for k in range(count):
                scratch[most + k] = max(scratch[most + k], x[start + c * inner + k])
        for c in range(channels):
            for k in range(count):
                power = negative_exp(x[start + c * inner + k] - scratch[most + k])
                y[start + c * inner + k] = power
                scratch[total + k] += power
        for k in range(count):
            scratch[total + k] = 1 / scratch[total + k]
        for c in range(channels):
            for k in range(count):
                y[start + c * inner + k] *= scratch[total + k]
        column += count


@task("fffff")
def _backward(number: int, thread: int, p: Array, dy: Array, dx: Array, scratch: Array, _e: Array, g: Numbers) -> None:
    begin, end = span(number, g)
    channels, inner = g[CHANNELS], g[INNER]
    dots = 2 * BLOCK * thread
    column = begin
    while column < end:
        n, i = column // inner, column % inner
        count = min(BLOCK, inner - i, end - column)
        start = n * channels * inner + i
        if inner == 1:
            dot = 0.0
            for c in range(start, start + channels):
                dot += dy[c] * p[c]
            scratch[dots] = dot
            mean = scratch[dots]
            for c in range(start, start + channels):
                dx[c] = (dy[c] - mean) * p[c]
        else:
            for k in range(count):
                scratch[dots + k] = 0
            for c in range(channels):
                for k in range(count):
                    scratch[dots + k] += dy[start + c * inner + k] * p[start + c * inner + k]
            for c in range(channels):
                for k in range(count):
                    at = start + c * inner + k
                    dx[at] = (dy[at] - scratch[dots + k]) * p[at]
        column += count
