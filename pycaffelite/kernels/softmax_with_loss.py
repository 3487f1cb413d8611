"""The negative log-likelihood of labels and its gradient, given the softmax, over the middle axis of a view (N, C, I).

Serial: one column takes a logarithm and a few accesses, where the softmax before it takes C exponentials.
"""

from __future__ import annotations

import math

from pycaffelite.kernels._jit import Array, kernel
from pycaffelite.kernels.label import IGNORED, read_label

# The smallest normal float32. The reference clamps probabilities here, in the loss but not in the gradient.
SMALLEST = 1.1754943508222875e-38


@kernel()
def sum_losses(
    probabilities: Array, labels: Array, has_ignore: bool, ignore_label: int, channels: int, inner: int
) -> tuple[float, int, int]:
    """Return - Σ_column log max(p[n,label,i], SMALLEST) over labels that are not ignored; the sum is in double.

    It stops at the first label that is no class.

    Args:
        probabilities: (N * C * I), in: p.
        labels: (N * I,), in: classes as floats.
        has_ignore: Whether a label is ignored.
        ignore_label: Which one.
        channels: C.
        inner: I.

    Returns:
        The loss, the number of labels not ignored, and the column whose label is no class, or -1.
    """
    loss = 0.0
    valid = 0
    for column in range(labels.size):
        label = read_label(labels[column], channels, has_ignore, ignore_label)
        if label >= 0:
            n, i = column // inner, column % inner
            share = float(probabilities[(n * channels + label) * inner + i])
            # Not max(): NaN must stay NaN.
            loss -= math.log(SMALLEST if share < SMALLEST else share)
            valid += 1
        elif label != IGNORED:
            return loss, valid, column
    return loss, valid, -1


@kernel()
def subtract_labels(
    probabilities: Array,
    labels: Array,
    has_ignore: bool,
    ignore_label: int,
    scale: float,
    channels: int,
    inner: int,
    diff: Array,
) -> None:
    """Make scale p[n,c,i] the gradient scale (p[n,c,i] - [c = label]), and 0 where the label is ignored.

    Labels must have passed `sum_losses`.

    Args:
        probabilities: (N * C * I), in: p.
        labels: (N * I,), in.
        has_ignore: Whether a label is ignored.
        ignore_label: Which one.
        scale: The loss weight over the normalizer.
        channels: C.
        inner: I.
        diff: (N * C * I), in and out.
    """
    factor = diff.dtype.type(scale)
    for column in range(labels.size):
        n, i = column // inner, column % inner
        label = read_label(labels[column], channels, has_ignore, ignore_label)
        if label >= 0:
            at = (n * channels + label) * inner + i
            diff[at] = (probabilities[at] - 1) * factor
        else:
            for c in range(channels):
                diff[(n * channels + c) * inner + i] = 0
