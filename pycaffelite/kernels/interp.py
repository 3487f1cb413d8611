"""Bilinear resizing of planes that keeps corners in the corners, and its adjoint.

Both directions go along rows first where that is a sum of whole rows, and along columns afterwards. The numbers of
places and the weights are tabulated once. Parallel over planes, which share nothing: the bits do not depend on the
number of threads.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from pycaffelite.kernels._jit import Array
from pycaffelite.kernels.flat import span
from pycaffelite.kernels.tasks import Task, run, task
from pycaffelite.kernels.workspace import most_threads, padded_stride, workspace

Numbers = npt.NDArray[np.int64]
Shape = tuple[int, ...]

_MOST = 64  # tasks
_PLANES, _IN_H, _IN_W, _OUT_H, _OUT_W, _TOP, _LEFT, _USED_H, _USED_W, _STRIDE = range(1, 11)  # behind how many tasks


@dataclass(frozen=True)
class Resizing:
    """What is resized to what: tables for `resize` and `spread_back`.

    Attributes:
        weights: For each row, then each column of the output, the weight of the second place it is made of.
        places: For each row, then each column of the output, the first place it is made of; then for each row of the
            input that is used, and one more, the first row of the output that is made of it or of a later one; and
            so for columns. Integers in the bits of floats.
        numbers: Tasks, planes and lengths.
    """

    weights: Array
    places: Array
    numbers: Numbers


def resizing(
    planes: int, source: Shape, used: tuple[int, int, int, int], target: Shape, dtype: np.dtype[Any]
) -> Resizing:
    """Return the tables.

    Args:
        planes: How many planes there are.
        source: Rows and columns of the input.
        used: First row and column of the part of the input that is resized, then its rows and columns.
        target: Rows and columns of the output.
        dtype: Of the planes.
    """
    weights, places, firsts = [], [], []
    for length, wanted in zip(used[2:], target, strict=True):
        exact = np.arange(wanted) * ((length - 1) / max(wanted - 1, 1))
        place = np.minimum(exact.astype(np.int64), length - 1)
        weights.append(np.where(place < length - 1, exact - place, 0))
        places.append(place)
        firsts.append(np.searchsorted(place, np.arange(length + 1)))
    integers = np.concatenate([*places, *firsts]).astype(f"i{dtype.itemsize}").view(dtype)
    stride = padded_stride(max(used[3] + 1, target[1]), dtype)
    numbers = (max(1, min(_MOST, planes)), planes, *source, *target, *used, stride)
    return Resizing(np.concatenate(weights).astype(dtype), integers, np.array(numbers, np.int64))


def resize(x: Array, y: Array, tables: Resizing) -> None:
    """Write y[p,i,j] = the sum of the four places of x around the point that (i,j) stands for, by their closeness.

    x (in), y (out): flat.
    """
    _run(_resize, x, y, tables)


def spread_back(dy: Array, dx: Array, tables: Resizing) -> None:
    """Write to dx[p,h,w] the sum of dy[p,i,j] times the weight that x[p,h,w] has in y[p,i,j].

    dy (in), dx (out): flat.
    """
    _run(_spread_back, dy, dx, tables)


def _run(work: Task, a: Array, b: Array, tables: Resizing) -> None:
    scratch = workspace(a.dtype, most_threads() * int(tables.numbers[_STRIDE]))
    run(work, int(tables.numbers[0]), (a, b, tables.weights, tables.places, scratch), tables.numbers)


@task("fffif")
def _resize(
    number: int, thread: int, x: Array, y: Array, weights: Array, places: Array, scratch: Array, g: Numbers
) -> None:
    begin, end = span(number, g)
    columns, rows, wide, used = g[_IN_W], g[_OUT_H], g[_OUT_W], g[_USED_W]
    row = thread * g[_STRIDE]
    for plane in range(begin, end):
        for i in range(rows):
            first = (plane * g[_IN_H] + g[_TOP] + places[i]) * columns + g[_LEFT]
            second = first + columns if places[i] < g[_USED_H] - 1 else first
            weight = weights[i]
            for w in range(used):
                scratch[row + w] = x[first + w] + weight * (x[second + w] - x[first + w])
            scratch[row + used] = scratch[row + used - 1]
            out = (plane * rows + i) * wide
            for j in range(wide):
                w = row + places[rows + j]
                y[out + j] = scratch[w] + weights[rows + j] * (scratch[w + 1] - scratch[w])


@task("fffif")
def _spread_back(
    number: int, thread: int, dy: Array, dx: Array, weights: Array, places: Array, scratch: Array, g: Numbers
) -> None:
    begin, end = span(number, g)
    columns, rows, wide, used = g[_IN_W], g[_OUT_H], g[_OUT_W], g[_USED_W]
    row, firsts = thread * g[_STRIDE], rows + wide
    for plane in range(begin, end):
        for i in range(plane * g[_IN_H] * columns, (plane + 1) * g[_IN_H] * columns):
            dx[i] = 0
        for h in range(g[_USED_H]):
            for j in range(wide):
                scratch[row + j] = 0
            # Rows that are made of this one and the next, and of the one before and this one.
            for i in range(places[firsts + max(h - 1, 0)], places[firsts + h + 1]):
                weight = 1 - weights[i] if places[i] == h else weights[i]
                source = (plane * rows + i) * wide
                for j in range(wide):
                    scratch[row + j] += weight * dy[source + j]
            out = (plane * g[_IN_H] + g[_TOP] + h) * columns + g[_LEFT]
            columns_at = firsts + g[_USED_H] + 1
            for w in range(used):
                total = dx[out + w]
                for j in range(places[columns_at + w], places[columns_at + w + 1]):
                    total += (1 - weights[rows + j]) * scratch[row + j]
                if w > 0:
                    for j in range(places[columns_at + w - 1], places[columns_at + w]):
                        total += weights[rows + j] * scratch[row + j]
                dx[out + w] = total
