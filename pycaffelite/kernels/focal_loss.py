"""The focal loss of labels and its gradient, given the softmax, over the middle axis of a view (N, C, I).

With p the probability of the label the loss is - weights[label] (1 - p)^gamma log max(p, SMALLEST), with gamma 0 the
weighted likelihood. Serial, as `softmax_with_loss`; arrays and returned values are as there, weights is (C,).
"""

from __future__ import annotations

import math

from pycaffelite.kernels._jit import Array, kernel
from pycaffelite.kernels.label import IGNORED, read_label

_SMALLEST = 1.1754943508222875e-38  # the smallest normal float32, below which the loss does not grow


@kernel()
def sum_losses(
    probabilities: Array,
    labels: Array,
    has_ignore: bool,
    ignore_label: int,
    channels: int,
    inner: int,
    weights: Array,
    gamma: float,
) -> tuple[float, int, int]:
    """Return the sum of losses, the number of labels not ignored, and the column whose label is no class, or -1."""
    loss = 0.0
    valid = 0
    for column in range(labels.size):
        label = read_label(labels[column], channels, has_ignore, ignore_label)
        if label >= 0:
            n, i = column // inner, column % inner
            share = float(probabilities[(n * channels + label) * inner + i])
            loss -= weights[label] * (1.0 - share) ** gamma * math.log(_SMALLEST if share < _SMALLEST else share)
            valid += 1
        elif label != IGNORED:
            return loss, valid, column
    return loss, valid, -1


@kernel()
def write_gradient(
    probabilities: Array,
    labels: Array,
    has_ignore: bool,
    ignore_label: int,
    channels: int,
    inner: int,
    weights: Array,
    gamma: float,
    scale: float,
    diff: Array,
) -> None:
    """Write scale dloss/dx[n,c,i], = scale f ([c = label] - p[n,c,i]), f = p dloss/dp at the label; 0 where ignored."""
    for column in range(labels.size):
        n, i = column // inner, column % inner
        label = read_label(labels[column], channels, has_ignore, ignore_label)
        factor = 0.0
        if label >= 0:
            share = float(probabilities[(n * channels + label) * inner + i])
            rest = 1.0 - share
            if gamma == 0:
                factor = -scale * weights[label]
            elif rest > 0:
                bent = gamma * rest ** (gamma - 1.0) * share * math.log(_SMALLEST if share < _SMALLEST else share)
                factor = scale * weights[label] * (bent - rest**gamma)
        for c in range(channels):
            at = (n * channels + c) * inner + i
            diff[at] = factor * ((1.0 if c == label else 0.0) - probabilities[at])
