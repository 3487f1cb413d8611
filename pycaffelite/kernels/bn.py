"""Normalization of each channel over a batch, a factor and a shift, in one.

Arrays of data are (N, C, S), S being all positions of a channel. Every sum is over one channel, in float64, by one
thread: parallel over channels, with the same bits for any number of threads. As in `batch_norm`, all passes over a
channel follow each other; the factor and the shift ride along.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from pycaffelite.kernels._jit import Array
from pycaffelite.kernels.tasks import run, task

Numbers = npt.NDArray[np.int64]

_OUTER, _CHANNELS, _INNER, _MORE = range(4)


def forward(x: Array, kept: Array, y: Array, numbers: Array, eps: float) -> None:
    """Write the statistics of each channel, what is normalized by them, and y.

    kept[n,c,s] = (x[n,c,s] - mean[c]) / sqrt(variance[c] + eps);  y[n,c,s] = slope[c] kept[n,c,s] + bias[c]

    numbers: 5 x C; mean and variance (out), slope and bias (in), 1 / sqrt(variance + eps) (out). x (in) and y (out)
    may be one array, which kept (out) is not.
    """
    arrays = (x.reshape(-1), kept.reshape(-1), y.reshape(-1), numbers.reshape(-1))
    run(_forward, x.shape[1], arrays, np.array((*x.shape, np.float64(eps).view(np.int64)), np.int64))


def backward(kept: Array, dy: Array, dx: Array, numbers: Array, wanted: bool) -> None:
    """Write the sums of dy and of dy kept over each channel and, if `wanted`, the gradient that goes down.

    dx[n,c,s] = (dy[n,c,s] - a[c] - b[c] kept[n,c,s]) factor[c], a and b being the two sums divided by N S.

    numbers: 5 x C; sum of dy, sum of dy kept (out), factor = slope / sqrt(variance + eps) (in), a, b (out). dy (in) and
    dx (out) may be one array.
    """
    shared = np.may_share_memory(dy, dx)
    arrays = (kept.reshape(-1), dy.reshape(-1), dx.reshape(-1), numbers.reshape(-1))
    run(_backward, dy.shape[1], arrays, np.array((*dy.shape, (2 if shared else 1) if wanted else 0), np.int64))


@task("fffff")
def _forward(c: int, _thread: int, x: Array, kept: Array, y: Array, numbers: Array, _e: Array, g: Numbers) -> None:
    channels, inner = g[_CHANNELS], g[_INNER]
    step, count = channels * inner, g[_OUTER] * inner
    total = 0.0
    for n in range(g[_OUTER]):
        start = n * step + c * inner
        for i in range(start, start + inner):
            total += x[i]
    # Through the array, for the type of its elements: products in float64 would take twice the time.
    numbers[c] = total / count
    center = numbers[c]
    squares = 0.0
    for n in range(g[_OUTER]):
        start = n * step + c * inner
        for i in range(start, start + inner):
            deviation = x[i] - center
            kept[i] = deviation
            squares += deviation * deviation
    numbers[channels + c] = squares / count
    numbers[4 * channels + c] = 1 / math.sqrt(numbers[channels + c] + np.int64(g[_MORE]).view(np.float64))
    slope, bias, factor = numbers[2 * channels + c], numbers[3 * channels + c], numbers[4 * channels + c]
    for n in range(g[_OUTER]):
        start = n * step + c * inner
        for i in range(start, start + inner):
            value = kept[i] * factor
            kept[i] = value
            y[i] = value * slope + bias


@task("fffff")
def _backward(c: int, _thread: int, kept: Array, dy: Array, dx: Array, numbers: Array, _e: Array, g: Numbers) -> None:
    channels, inner = g[_CHANNELS], g[_INNER]
    step, count = channels * inner, g[_OUTER] * inner
    total, product = 0.0, 0.0
    for n in range(g[_OUTER]):
        start = n * step + c * inner
        for i in range(start, start + inner):
            total += dy[i]
            product += dy[i] * kept[i]
    numbers[c], numbers[channels + c] = total, product
    if g[_MORE] == 0:
        return
    numbers[3 * channels + c], numbers[4 * channels + c] = total / count, product / count
    factor, a, b = numbers[2 * channels + c], numbers[3 * channels + c], numbers[4 * channels + c]
    for n in range(g[_OUTER]):
        start = n * step + c * inner
        if g[_MORE] == 2:
            for i in range(start, start + inner):
                dx[i] = (dx[i] - a - b * kept[i]) * factor
        else:
            for i in range(start, start + inner):
                dx[i] = (dy[i] - a - b * kept[i]) * factor
