"""Softmax over the middle axis of a 3-D view: outer x channels x inner."""

from __future__ import annotations

import math

import numpy as np

from pycaffelite.kernels._jit import CHUNKS, kernel, prange


@kernel()
def softmax_column(scores: np.ndarray, probabilities: np.ndarray, n: int, i: int) -> None:
    """Write p[n,c,i] = exp(x[n,c,i] - m) / Σ_k exp(x[n,k,i] - m), m = max_k x[n,k,i], for one n and i and all c.

    Serial; 4 passes over the channels; sums in double. NaN in any score makes the whole column NaN.

    Args:
        scores: (N, C, I), in: x.
        probabilities: (N, C, I), out: p; may be `scores`.
        n: Index of axis 0.
        i: Index of axis 2.
    """
    channels = scores.shape[1]
    most = scores[n, 0, i]
    for c in range(1, channels):
        most = max(most, scores[n, c, i])
    total = 0.0
    for c in range(channels):
        power = math.exp(scores[n, c, i] - most)
        probabilities[n, c, i] = power
        total += power
    share = scores.dtype.type(1.0 / total)
    for c in range(channels):
        probabilities[n, c, i] *= share


@kernel()
def _forward_range(scores: np.ndarray, probabilities: np.ndarray, start: int, stop: int) -> None:
    """Do the columns start to stop, counted n * I + i."""
    inner = scores.shape[2]
    for column in range(start, stop):
        softmax_column(scores, probabilities, column // inner, column % inner)


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
    for column in range(start, stop):
        n, i = column // inner, column % inner
        dot = 0.0
        for c in range(channels):
            dot += top_diff[n, c, i] * probabilities[n, c, i]
        mean = probabilities.dtype.type(dot)
        for c in range(channels):
            bottom_diff[n, c, i] = (top_diff[n, c, i] - mean) * probabilities[n, c, i]


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
