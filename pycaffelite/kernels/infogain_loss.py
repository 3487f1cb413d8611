"""A cross entropy in which a matrix weighs the classes, and its gradient, over the middle axis of a view (N, C, I).

Serial: C logarithms a column, where the softmax before it takes C exponentials.
"""

from __future__ import annotations

import math

from pycaffelite.kernels._jit import Array, kernel
from pycaffelite.kernels.label import IGNORED, read_label

# The least probability that the reference takes a logarithm of; the gradient knows no such bound.
LEAST = 1e-20


@kernel()
def sum_losses(
    probabilities: Array, labels: Array, gains: Array, has_ignore: bool, ignore_label: int, inner: int
) -> tuple[float, int, int]:
    """Return - Σ_column Σ_c h[label,c] log max(p[n,c,i], LEAST) over labels that are not ignored, in double.

    It stops at the first label that is no class.

    Args:
        probabilities: (N * C * I), in: p.
        labels: (N * I,), in: classes as floats.
        gains: (C, C), in: h.
        has_ignore: Whether a label is ignored.
        ignore_label: Which one.
        inner: I.

    Returns:
        The loss, the number of labels not ignored, and the column whose label is no class, or -1.
    """
    loss = 0.0
    valid = 0
    channels = gains.shape[0]
    for column in range(labels.size):
        label = read_label(labels[column], channels, has_ignore, ignore_label)
        if label >= 0:
            n, i = column // inner, column % inner
            for c in range(channels):
                share = float(probabilities[(n * channels + c) * inner + i])
                loss -= gains[label, c] * math.log(LEAST if share < LEAST else share)
            valid += 1
        elif label != IGNORED:
            return loss, valid, column
    return loss, valid, -1


@kernel()
def loss_gradient(
    probabilities: Array,
    labels: Array,
    gains: Array,
    has_ignore: bool,
    ignore_label: int,
    scale: float,
    inner: int,
    diff: Array,
) -> None:
    """Write scale (p[n,c,i] Σ_k h[label,k] - h[label,c]), and 0 where the label is ignored.

    Labels must have passed `sum_losses`.

    Args:
        probabilities, labels, gains, has_ignore, ignore_label, inner: As in `sum_losses`.
        scale: The loss weight over the normalizer.
        diff: (N * C * I), out.
    """
    channels = gains.shape[0]
    factor = diff.dtype.type(scale)
    for column in range(labels.size):
        n, i = column // inner, column % inner
        label = read_label(labels[column], channels, has_ignore, ignore_label)
        total = diff.dtype.type(0)
        if label >= 0:
            for c in range(channels):
                total += gains[label, c]
        for c in range(channels):
            at = (n * channels + c) * inner + i
            diff[at] = factor * (probabilities[at] * total - gains[label, c]) if label >= 0 else 0
