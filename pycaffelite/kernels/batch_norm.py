"""Normalization of each channel over a batch.

Arrays of data are (N, C, S), S being all positions of a channel; statistics are (C,). Every sum is over one channel,
in float64, by one thread: parallel over channels, with the same bits for any number of threads. Each pass over the
data costs a few additions and products an element and is bound by memory.
"""

from __future__ import annotations

import math

from pycaffelite.kernels._jit import Array, kernel, prange


@kernel(parallel=True)
def channel_statistics(x: Array, mean: Array, variance: Array) -> None:
    """Write the mean and the (biased) variance of each channel.

    mean[c] = sum over n, s of x[n,c,s] / (N S); variance[c] = sum over n, s of (x[n,c,s] - mean[c])^2 / (N S)
    """
    count = x.shape[0] * x.shape[2]
    for c in prange(x.shape[1]):
        total = 0.0
        for n in range(x.shape[0]):
            for s in range(x.shape[2]):
                total += x[n, c, s]
        # Rounded first, so that the deviations are from the mean that is subtracted.
        mean[c] = total / count
        center = mean[c]
        squares = 0.0
        for n in range(x.shape[0]):
            for s in range(x.shape[2]):
                deviation = x[n, c, s] - center
                squares += deviation * deviation
        variance[c] = squares / count


@kernel(parallel=True)
def normalize(x: Array, mean: Array, variance: Array, eps: float, y: Array) -> None:
    """Write y[n,c,s] = (x[n,c,s] - mean[c]) / sqrt(variance[c] + eps); x (in) and y (out) may be one array."""
    for c in prange(x.shape[1]):
        center = mean[c]
        factor = x.dtype.type(1 / math.sqrt(variance[c] + eps))
        for n in range(x.shape[0]):
            for s in range(x.shape[2]):
                y[n, c, s] = (x[n, c, s] - center) * factor


@kernel(parallel=True)
def normalize_backward(y: Array, variance: Array, eps: float, dy: Array, dx: Array) -> None:
    """Write the gradient through the normalization and through the statistics, which are functions of x too.

    dx[n,c,s] = (dy[n,c,s] - a[c] - b[c] y[n,c,s]) / sqrt(variance[c] + eps), with a and b the means over n and s of
    dy and of dy y. y (in) is what `normalize` wrote; dy (in) and dx (out) may be one array.
    """
    count = y.shape[0] * y.shape[2]
    for c in prange(y.shape[1]):
        total = 0.0
        product = 0.0
        for n in range(y.shape[0]):
            for s in range(y.shape[2]):
                total += dy[n, c, s]
                product += dy[n, c, s] * y[n, c, s]
        a = y.dtype.type(total / count)
        b = y.dtype.type(product / count)
        factor = y.dtype.type(1 / math.sqrt(variance[c] + eps))
        for n in range(y.shape[0]):
            for s in range(y.shape[2]):
                dx[n, c, s] = (dy[n, c, s] - a - b * y[n, c, s]) * factor


@kernel(parallel=True)
def divide(variance: Array, eps: float, dy: Array, dx: Array) -> None:
    """Write dx[n,c,s] = dy[n,c,s] / sqrt(variance[c] + eps): the gradient where statistics are constants."""
    for c in prange(dy.shape[1]):
        factor = dy.dtype.type(1 / math.sqrt(variance[c] + eps))
        for n in range(dy.shape[0]):
            for s in range(dy.shape[2]):
                dx[n, c, s] = dy[n, c, s] * factor
