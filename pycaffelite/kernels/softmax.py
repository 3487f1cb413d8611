"""Softmax over the middle axis of a 3-D view: outer x channels x inner."""

from __future__ import annotations

import math

import numpy as np

from pycaffelite.kernels._jit import CHUNKS, kernel, prange

# Columns that are worked on together where they lie side by side in memory: loops then run along memory, and the
# channels of a block stay in the cache between the passes.
BLOCK = 64


@kernel()
def softmax_row(scores: np.ndarray, probabilities: np.ndarray, start: int, channels: int) -> None:
    """Write the softmax of the elements start to start + channels.

    Serial; sums in double.

    Args:
        scores: flat, in.
        probabilities: flat, out; may be `scores`.
        start: The first element.
        channels: The number of elements.
    """
    most = scores[start]
    for c in range(start + 1, start + channels):
        most = max(most, scores[c])
    total = 0.0
    for c in range(start, start + channels):
        power = math.exp(scores[c] - most)
        probabilities[c] = power
        total += power
    share = scores.dtype.type(1.0 / total)
    for c in range(start, start + channels):
        probabilities[c] *= share


@kernel()
def softmax_block(
    scores: np.ndarray, probabilities: np.ndarray, n: int, start: int, stop: int, most: np.ndarray, total: np.ndarray
) -> None:
    """Write p[n,c,i] = exp(x[n,c,i] - m) / Σ_k exp(x[n,k,i] - m), m = max_k x[n,k,i], for one n, start <= i < stop.

    If I is 1, the column is a row in memory, and `softmax_row` does it. Serial; 3 passes over the channels; sums in
    double. NaN in any score makes its whole column NaN.

    Args:
        scores: (N, C, I), in: x.
        probabilities: (N, C, I), out: p; may be `scores`.
        n: Index of axis 0.
        start: The first index of axis 2.
        stop: The one after the last; at most BLOCK more.
        most: (BLOCK,) of the type of the scores, scratch.
        total: double (BLOCK,), scratch.
    """
    channels = scores.shape[1]
    if scores.shape[2] == 1:
        softmax_row(scores.reshape(-1), probabilities.reshape(-1), n * channels, channels)
        return
    count = stop - start
    for i in range(count):
        most[i] = scores[n, 0, start + i]
        total[i] = 0
    for c in range(1, channels):
        for i in range(count):
            most[i] = max(most[i], scores[n, c, start + i])
    for c in range(channels):
        for i in range(count):
            power = math.exp(scores[n, c, start + i] - most[i])
            probabilities[n, c, start + i] = power
            total[i] += power
    for i in range(count):
        most[i] = 1.0 / total[i]
    for c in range(channels):
        for i in range(count):
            probabilities[n, c, start + i] *= most[i]


@kernel()
def _forward_range(scores: np.ndarray, probabilities: np.ndarray, start: int, stop: int) -> None:
    """Do the columns start to stop, counted n * I + i."""
    inner = scores.shape[2]
    most, total = np.empty(BLOCK, scores.dtype), np.empty(BLOCK)
    column = start
    while column < stop:
        n, i = column // inner, column % inner
        count = min(BLOCK, inner - i, stop - column)
        softmax_block(scores, probabilities, n, i, i + count, most, total)
        column += count


@kernel(parallel=True)
def forward(scores: np.ndarray, probabilities: np.ndarray) -> None:
    """Write the softmax of every column.

    Parallel over columns, in CHUNKS ranges. Cost: one exp an element.

    Args:
        scores: (N, C, I), in.
        probabilities: (N, C, I), out; may be `scores`.
    """
    columns = scores.shape[0] * scores.shape[2]
    for chunk in prange(CHUNKS):
        _forward_range(scores, probabilities, columns * chunk // CHUNKS, columns * (chunk + 1) // CHUNKS)


@kernel()
def _backward_range(
    probabilities: np.ndarray, top_diff: np.ndarray, bottom_diff: np.ndarray, start: int, stop: int
) -> None:
    """Do the columns start to stop, counted n * I + i."""
    _, channels, inner = probabilities.shape
    dots = np.empty(BLOCK)
    column = start
    while column < stop:
        n, first = column // inner, column % inner
        count = min(BLOCK, inner - first, stop - column)
        for i in range(count):
            dots[i] = 0
        for c in range(channels):
            for i in range(count):
                dots[i] += top_diff[n, c, first + i] * probabilities[n, c, first + i]
        for c in range(channels):
            for i in range(count):
                mean = probabilities.dtype.type(dots[i])
                bottom_diff[n, c, first + i] = (top_diff[n, c, first + i] - mean) * probabilities[n, c, first + i]
        column += count


@kernel(parallel=True)
def backward(probabilities: np.ndarray, top_diff: np.ndarray, bottom_diff: np.ndarray) -> None:
    """Write dx[n,c,i] = (dp[n,c,i] - Σ_k dp[n,k,i] p[n,k,i]) p[n,c,i].

    Parallel over columns, in CHUNKS ranges; the sum is in double.

    Args:
        probabilities: (N, C, I), in: p.
        top_diff: (N, C, I), in: dp.
        bottom_diff: (N, C, I), out: dx; may be `top_diff`.
    """
    columns = probabilities.shape[0] * probabilities.shape[2]
    for chunk in prange(CHUNKS):
        _backward_range(
            probabilities, top_diff, bottom_diff, columns * chunk // CHUNKS, columns * (chunk + 1) // CHUNKS
        )
