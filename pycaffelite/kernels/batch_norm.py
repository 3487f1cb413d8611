"""Normalization of each channel over a batch.

Arrays of data are (N, C, S), S being all positions of a channel; statistics are (C,). Every sum is over one channel,
in float64, by one thread: parallel over channels, with the same bits for any number of threads. A channel is read from
memory once, if the second cache holds it: all passes over it follow each other.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from pycaffelite.kernels._jit import Array
from pycaffelite.kernels.scale import transform_channels
from pycaffelite.kernels.tasks import run, task

Numbers = npt.NDArray[np.int64]

_OUTER, _CHANNELS, _INNER, _EPS = range(4)


def normalize_batch(x: Array, mean: Array, variance: Array, eps: float, y: Array, copy: Array) -> None:
    """Write the statistics of each channel, and twice what is normalized by them.

    mean[c] = sum over n, s of x[n,c,s] / (N S); variance[c] = sum over n, s of (x[n,c,s] - mean[c])^2 / (N S)
    y[n,c,s] = (x[n,c,s] - mean[c]) / sqrt(variance[c] + eps)

    x (in) and `copy` (out) may be one array, which y (out) is not.
    """
    arrays = (x.reshape(-1), mean, variance, y.reshape(-1), copy.reshape(-1))
    run(_normalize_batch, x.shape[1], arrays, _numbers(x, eps))


def normalize(x: Array, mean: Array, variance: Array, eps: float, y: Array) -> None:
    """Write y[n,c,s] = (x[n,c,s] - mean[c]) / sqrt(variance[c] + eps); x (in) and y (out) may be one array."""
    transform_channels(x, mean, _factors(variance, eps), np.zeros_like(mean), y)


def normalize_backward(y: Array, variance: Array, eps: float, dy: Array, dx: Array) -> None:
    """Write the gradient through the normalization and through the statistics, which are functions of x too.

    dx[n,c,s] = (dy[n,c,s] - a[c] - b[c] y[n,c,s]) / sqrt(variance[c] + eps), with a and b the means over n and s of
    dy and of dy y. y (in) is what `normalize_batch` wrote; dy (in) and dx (out) may be one array.
    """
    arrays = (y.reshape(-1), _factors(variance, eps), dy.reshape(-1), dx.reshape(-1), np.empty(2 * y.shape[1], y.dtype))
    run(_backward, y.shape[1], arrays, _numbers(y, int(np.may_share_memory(dy, dx))))


def divide(variance: Array, eps: float, dy: Array, dx: Array) -> None:
    """Write dx[n,c,s] = dy[n,c,s] / sqrt(variance[c] + eps): the gradient where statistics are constants."""
    zeros = np.zeros_like(variance)
    transform_channels(dy, zeros, _factors(variance, eps), zeros, dx)


def _factors(variance: Array, eps: float) -> Array:
    """Return 1 / sqrt(variance + eps)."""
    return (1 / np.sqrt(variance.astype(np.float64) + eps)).astype(variance.dtype)


def _numbers(x: Array, more: float) -> Numbers:
    """Return the shape and one number, whose bits it keeps."""
    return np.array((*x.shape, more if isinstance(more, int) else np.float64(more).view(np.int64)), np.int64)


@task("fffff")
def _normalize_batch(
    c: int, _thread: int, x: Array, mean: Array, variance: Array, y: Array, copy: Array, g: Numbers
) -> None:
    step, inner = g[_CHANNELS] * g[_INNER], g[_INNER]
    count = g[_OUTER] * inner
    total = 0.0
    for n in range(g[_OUTER]):
        start = n * step + c * inner
        for i in range(start, start + inner):
            total += x[i]
    # Rounded first, so that the deviations are from the mean that is subtracted.
    mean[c] = total / count
    center = mean[c]
    squares = 0.0
    for n in range(g[_OUTER]):
        start = n * step + c * inner
        for i in range(start, start + inner):
            deviation = x[i] - center
            y[i] = deviation
            squares += deviation * deviation
    variance[c] = squares / count
    # Through an element that is yet to be written, for its type: products in float64 would take twice the time.
    copy[c * inner] = 1 / math.sqrt(variance[c] + np.int64(g[_EPS]).view(np.float64))
    factor = copy[c * inner]
    for n in range(g[_OUTER]):
        start = n * step + c * inner
        for i in range(start, start + inner):
            value = y[i] * factor
            y[i] = value
            copy[i] = value


@task("fffff")
def _backward(c: int, _thread: int, y: Array, factors: Array, dy: Array, dx: Array, means: Array, g: Numbers) -> None:
    step, inner = g[_CHANNELS] * g[_INNER], g[_INNER]
    total, product = 0.0, 0.0
    for n in range(g[_OUTER]):
        start = n * step + c * inner
        for i in range(start, start + inner):
            total += dy[i]
            product += dy[i] * y[i]
    count, factor = g[_OUTER] * inner, factors[c]
    means[2 * c], means[2 * c + 1] = total / count, product / count
    a, b = means[2 * c], means[2 * c + 1]
    for n in range(g[_OUTER]):
        start = n * step + c * inner
        if g[_EPS]:
            for i in range(start, start + inner):
                dx[i] = (dx[i] - a - b * y[i]) * factor
        else:
            for i in range(start, start + inner):
                dx[i] = (dy[i] - a - b * y[i]) * factor
