"""The negative log-likelihood of labels and its gradient, given the softmax, over the middle axis of a view (N, C, I).

The losses are summed in one task: a column takes a logarithm and a few accesses, where the softmax before it takes C
exponentials. The gradient is parallel over columns.
"""

from __future__ import annotations

import math
from struct import Struct
from typing import Any

import numpy as np
import numpy.typing as npt

from pycaffelite.kernels._jit import Array, kernel
from pycaffelite.kernels.flat import span
from pycaffelite.kernels.label import IGNORED, read_label
from pycaffelite.kernels.softmax import CHANNELS, COUNT, INNER, MORE, Shape, columns
from pycaffelite.kernels.tasks import run, task
from pycaffelite.kernels.workspace import workspace

Numbers = npt.NDArray[np.int64]

# The smallest normal float32. The reference clamps probabilities here, in the loss but not in the gradient.
SMALLEST = 1.1754943508222875e-38

_HAS_IGNORE, _IGNORE_LABEL = MORE, MORE + 1
_LOSS, _VALID, _WRONG = range(3)  # places in what `_sum_losses` finds: doubles
_FOUND: Any = Struct("3d")  # NumPy's stubs do not know that an array is a buffer


def sum_losses(probabilities: Array, labels: Array, ignore: tuple[bool, int], shape: Shape) -> tuple[float, int, int]:
    """Return - Σ_column log max(p[n,label,i], SMALLEST) over labels that are not ignored; the sum is in double.

    It stops at the first label that is no class.

    Args:
        probabilities: (N * C * I), in: p.
        labels: (N * I,), in: classes as floats.
        ignore: Whether a label is ignored, and which one.
        shape: N, C, I.

    Returns:
        The loss, the number of labels not ignored, and the column whose label is no class, or -1.
    """
    found = workspace(labels.dtype, _FOUND.size // labels.itemsize)
    _tasks, numbers = columns(shape, *ignore)
    run(_sum_losses, 1, (probabilities, labels, found), numbers)
    loss, valid, wrong = _FOUND.unpack_from(found)
    return loss, int(valid), int(wrong)


def write_gradient(
    probabilities: Array, labels: Array, ignore: tuple[bool, int], scale: float, shape: Shape, diff: Array
) -> None:
    """Write scale (p[n,c,i] - [c = label]), and 0 where the label is ignored.

    Labels must have passed `sum_losses`.

    Args:
        probabilities: (N * C * I), in: p.
        labels: (N * I,), in.
        ignore: Whether a label is ignored, and which one.
        scale: The loss weight over the normalizer.
        shape: N, C, I.
        diff: (N * C * I), out.
    """
    tasks, numbers = columns(shape, *ignore)
    run(_write_gradient, tasks, (probabilities, labels, diff, np.array([scale], diff.dtype)), numbers)


@task("ffdff")
def _sum_losses(
    _number: int, _thread: int, probabilities: Array, labels: Array, found: Array, _d: Array, _e: Array, g: Numbers
) -> None:
    channels, inner = g[CHANNELS], g[INNER]
    loss, valid, wrong = 0.0, 0, -1
    for column in range(g[COUNT]):
        label = read_label(labels[column], channels, g[_HAS_IGNORE], g[_IGNORE_LABEL])
        if label >= 0:
            n, i = column // inner, column % inner
            share = float(probabilities[(n * channels + label) * inner + i])
            # Not max(): NaN must stay NaN.
            loss -= math.log(SMALLEST if share < SMALLEST else share)
            valid += 1
        elif label != IGNORED:
            wrong = column
            break
    found[_LOSS], found[_VALID], found[_WRONG] = loss, valid, wrong


@kernel(inner=True)
def _scale(x: Array, factor: float, y: Array, begin: int, count: int) -> None:
    for k in range(begin, begin + count):
        y[k] = factor * x[k]


@task("fffff")
def _write_gradient(
    number: int, _thread: int, probabilities: Array, labels: Array, diff: Array, scale: Array, _e: Array, g: Numbers
) -> None:
    begin, end = span(number, g)
    channels, inner, factor = g[CHANNELS], g[INNER], scale[0]
    if inner == 1:
        _scale(probabilities, factor, diff, begin * channels, (end - begin) * channels)
    column = begin
    while inner > 1 and column < end:  # the columns of one record, along memory
        n, i = column // inner, column % inner
        count = min(inner - i, end - column)
        for c in range(channels):
            _scale(probabilities, factor, diff, (n * channels + c) * inner + i, count)
        column += count
    for column in range(begin, end):
        first = column // inner * channels * inner + column % inner
        label = read_label(labels[column], channels, g[_HAS_IGNORE], g[_IGNORE_LABEL])
        if label >= 0:
            at = first + label * inner
            diff[at] = (probabilities[at] - 1) * factor
        else:
            for c in range(channels):
                diff[first + c * inner] = 0
