"""Cross entropy of sigmoids with targets between 0 and 1, element by element."""

from __future__ import annotations

import math

import numpy as np

from pycaffelite.kernels._jit import CHUNKS, kernel, prange


@kernel(inner=True)
def _ignored(target: float, has_ignore: bool, ignore_label: int) -> bool:
    """Tell whether the target, cut off to an integer, is the label to ignore; NaN is not."""
    return has_ignore and np.trunc(target) == ignore_label


@kernel(inner=True)
def _forward_range(
    scores: np.ndarray, targets: np.ndarray, has_ignore: bool, ignore_label: int, start: int, stop: int
) -> tuple[float, int]:
    """Return the loss and the number of targets not ignored, of the elements start to stop."""
    loss = 0.0
    valid = 0
    for i in range(start, stop):
        if _ignored(targets[i], has_ignore, ignore_label):
            continue
        score = float(scores[i])
        # log(1 + exp(x)) written so that exp cannot overflow.
        loss += max(score, 0.0) - score * targets[i] + math.log1p(math.exp(-abs(score)))
        valid += 1
    return loss, valid


@kernel(parallel=True)
def forward(scores: np.ndarray, targets: np.ndarray, has_ignore: bool, ignore_label: int) -> tuple[float, int]:
    """Return Σ_i log(1 + exp(x_i)) - x_i t_i over targets that are not ignored, and how many these are.

    Parallel over CHUNKS ranges whose sums, in double, are added in order. Cost: an exp and a log an element.

    Args:
        scores: (I,), in: x.
        targets: (I,), in: t.
        has_ignore: Whether a target is ignored.
        ignore_label: Which one; a target's fraction does not count here.
    """
    count = scores.shape[0]
    losses = np.zeros(CHUNKS)
    valid = np.zeros(CHUNKS, np.int64)
    for chunk in prange(CHUNKS):
        start, stop = count * chunk // CHUNKS, count * (chunk + 1) // CHUNKS
        losses[chunk], valid[chunk] = _forward_range(scores, targets, has_ignore, ignore_label, start, stop)
    loss = 0.0
    total = 0
    for chunk in range(CHUNKS):
        loss += losses[chunk]
        total += valid[chunk]
    return loss, total


@kernel(parallel=True)
def backward(
    scores: np.ndarray, targets: np.ndarray, has_ignore: bool, ignore_label: int, scale: float, bottom_diff: np.ndarray
) -> None:
    """Write dx_i = scale (1 / (1 + exp(-x_i)) - t_i), and 0 where the target is ignored.

    Parallel over elements. Cost: one exp an element.

    Args:
        scores: (I,), in: x.
        targets: (I,), in: t.
        has_ignore: Whether a target is ignored.
        ignore_label: Which one.
        scale: The loss weight over the normalizer.
        bottom_diff: (I,), out: dx.
    """
    for i in prange(scores.shape[0]):
        if _ignored(targets[i], has_ignore, ignore_label):
            bottom_diff[i] = 0
        else:
            score = float(scores[i])
            power = math.exp(-abs(score))
            sigmoid = (1.0 if score >= 0 else power) / (1.0 + power)
            bottom_diff[i] = scale * (sigmoid - targets[i])
