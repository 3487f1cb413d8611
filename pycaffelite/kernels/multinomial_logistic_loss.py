"""The negative log-likelihood of labels, given probabilities, and its gradient.

Serial: one logarithm or division a record.
"""

from __future__ import annotations

import math

from pycaffelite.kernels._jit import Array, kernel
from pycaffelite.kernels.label import read_label

# The least probability that the reference takes a logarithm of; in the gradient it divides by no less.
LEAST = 1e-20


@kernel()
def sum_losses(probabilities: Array, labels: Array, classes: int) -> tuple[float, int]:
    """Return - Σ_n log max(p[n,label], LEAST), in double.

    It stops at the first label that is no class.

    Args:
        probabilities: (N * D), in: p.
        labels: (N), in: classes as floats.
        classes: D.

    Returns:
        The loss, and the record whose label is no class, or -1.
    """
    loss = 0.0
    for n in range(probabilities.size // classes):
        label = read_label(labels[n], classes, False, 0)
        if label < 0:
            return loss, n
        share = float(probabilities[n * classes + label])
        loss -= math.log(LEAST if share < LEAST else share)
    return loss, -1


@kernel()
def loss_gradient(probabilities: Array, labels: Array, classes: int, scale: float, diff: Array) -> None:
    """Write - scale / max(p[n,label], LEAST) for each record's label, and 0 elsewhere.

    Labels must have passed `sum_losses`.

    Args:
        probabilities: (N * D), in: p.
        labels: (N), in.
        classes: D.
        scale: The loss weight over N.
        diff: (N * D), out.
    """
    for i in range(diff.size):
        diff[i] = 0
    for n in range(probabilities.size // classes):
        i = n * classes + read_label(labels[n], classes, False, 0)
        share = float(probabilities[i])
        diff[i] = -scale / (LEAST if share < LEAST else share)
