"""Softmax and the negative log-likelihood of labels, fused, over the middle axis of a view outer x channels x inner.

Every kernel exists twice: serial, for a batch of class scores, which takes microseconds and must not pay for a
parallel region; and parallel, for scores at every pixel.
"""

from __future__ import annotations

import math

import numpy as np

from pycaffelite.kernels._jit import CHUNKS, kernel, prange
from pycaffelite.kernels.label import IGNORED, read_label
from pycaffelite.kernels.softmax import BLOCK, softmax_block

# The smallest normal float32. The reference clamps probabilities here, in the loss but not in the gradient.
SMALLEST = 1.1754943508222875e-38


@kernel()
def forward(
    scores: np.ndarray,
    labels: np.ndarray,
    has_ignore: bool,
    ignore_label: int,
    probabilities: np.ndarray,
    start: int,
    stop: int,
) -> tuple[float, int, int]:
    """Write the probabilities of the columns start to stop, counted n * I + i, and sum their losses.

    loss = - Σ_column log max(p[n,label,i], SMALLEST), over labels that are not ignored; sum in double. Serial. Cost:
    one exp an element, one log a column. It stops at the first label that is no class.

    Args:
        scores: (N, C, I), in.
        labels: (N * I,), in: classes as floats.
        has_ignore: Whether a label is ignored.
        ignore_label: Which one.
        probabilities: (N, C, I), out.
        start: The first column.
        stop: The column after the last one.

    Returns:
        The loss, the number of labels not ignored, and the column whose label is no class, or -1.
    """
    _, channels, inner = scores.shape
    most, total = np.empty(BLOCK, scores.dtype), np.empty(BLOCK)
    loss = 0.0
    valid = 0
    column = start
    while column < stop:
        n, first = column // inner, column % inner
        count = min(BLOCK, inner - first, stop - column)
        softmax_block(scores, probabilities, n, first, first + count, most, total)
        for i in range(first, first + count):
            label = read_label(labels[n * inner + i], channels, has_ignore, ignore_label)
            if label >= 0:
                share = float(probabilities[n, label, i])
                # Not max(): NaN must stay NaN.
                loss -= math.log(SMALLEST if share < SMALLEST else share)
                valid += 1
            elif label != IGNORED:
                return loss, valid, n * inner + i
        column += count
    return loss, valid, -1


@kernel(parallel=True)
def forward_parallel(
    scores: np.ndarray, labels: np.ndarray, has_ignore: bool, ignore_label: int, probabilities: np.ndarray
) -> tuple[float, int, int]:
    """Do what `forward` does for all columns, parallel over CHUNKS ranges whose losses are added in order."""
    columns = labels.shape[0]
    losses = np.zeros(CHUNKS)
    valid = np.zeros(CHUNKS, np.int64)
    wrong = np.zeros(CHUNKS, np.int64)
    for chunk in prange(CHUNKS):
        start, stop = columns * chunk // CHUNKS, columns * (chunk + 1) // CHUNKS
        losses[chunk], valid[chunk], wrong[chunk] = forward(
            scores, labels, has_ignore, ignore_label, probabilities, start, stop
        )
    loss = 0.0
    total = 0
    first_wrong = -1
    for chunk in range(CHUNKS):
        loss += losses[chunk]
        total += valid[chunk]
        if first_wrong < 0:
            first_wrong = wrong[chunk]
    return loss, total, first_wrong


@kernel()
def backward(
    probabilities: np.ndarray,
    labels: np.ndarray,
    has_ignore: bool,
    ignore_label: int,
    scale: float,
    bottom_diff: np.ndarray,
    start: int,
    stop: int,
) -> None:
    """Write dx[n,c,i] = scale (p[n,c,i] - [c = label]), and 0 where the label is ignored.

    For the columns start to stop, counted n * I + i. Serial; labels must have passed `forward`.

    Args:
        probabilities: (N, C, I), in: p, from `forward`.
        labels: (N * I,), in.
        has_ignore: Whether a label is ignored.
        ignore_label: Which one.
        scale: The loss weight over the normalizer.
        bottom_diff: (N, C, I), out: dx.
        start: The first column.
        stop: The column after the last one.
    """
    _, channels, inner = probabilities.shape
    factor = probabilities.dtype.type(scale)
    flat_probabilities, flat_diff = probabilities.reshape(-1), bottom_diff.reshape(-1)
    column = start
    while column < stop:
        n, first = column // inner, column % inner
        count = min(BLOCK, inner - first, stop - column)
        if inner == 1:
            for c in range(n * channels, (n + 1) * channels):
                flat_diff[c] = flat_probabilities[c] * factor
        else:
            for c in range(channels):
                for i in range(first, first + count):
                    bottom_diff[n, c, i] = probabilities[n, c, i] * factor
        for i in range(first, first + count):
            label = read_label(labels[n * inner + i], channels, has_ignore, ignore_label)
            if label >= 0:
                bottom_diff[n, label, i] = (probabilities[n, label, i] - 1) * factor
            else:
                for c in range(channels):
                    bottom_diff[n, c, i] = 0
        column += count


@kernel(parallel=True)
def backward_parallel(
    probabilities: np.ndarray,
    labels: np.ndarray,
    has_ignore: bool,
    ignore_label: int,
    scale: float,
    bottom_diff: np.ndarray,
) -> None:
    """Do what `backward` does for all columns, parallel over CHUNKS ranges."""
    columns = labels.shape[0]
    for chunk in prange(CHUNKS):
        start, stop = columns * chunk // CHUNKS, columns * (chunk + 1) // CHUNKS
        backward(probabilities, labels, has_ignore, ignore_label, scale, bottom_diff, start, stop)
