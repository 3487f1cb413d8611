"""The contrastive loss of pairs of vectors and its gradient.

d is the distance of a pair of vectors of C elements. Serial: one pass over both arrays.
"""

from __future__ import annotations

import math

from pycaffelite.kernels._jit import Array, kernel

# What the reference adds to a distance before it divides by it, in the gradient only.
SLACK = 1e-4


@kernel()
def sum_losses(a: Array, b: Array, same: Array, margin: float, legacy: bool) -> float:
    """Return Σ_n d² where the pair is of one kind, else max(0, margin - d)², or max(0, margin - d²) if legacy.

    Args:
        a: (N * C), in.
        b: (N * C), in.
        same: (N), in: 0, fractions cut off, for pairs of different kinds.
        margin: The distance that different pairs should have.
        legacy: Whether the old form is used.
    """
    total = 0.0
    channels = a.size // max(1, same.size)
    for n in range(same.size):
        squares = _squared_distance(a, b, n * channels, channels)
        if abs(same[n]) >= 1:
            total += squares
        elif legacy:
            lack = margin - squares
            total += 0.0 if lack < 0 else lack
        else:
            lack = margin - math.sqrt(squares)
            total += 0.0 if lack < 0 else lack * lack
    return total


@kernel()
def loss_gradient(a: Array, b: Array, same: Array, margin: float, legacy: bool, scale: float, diff: Array) -> None:
    """Write scale times half the slope of the sum along a; that along b is its negative.

    Args:
        a, b, same, margin, legacy: As in `sum_losses`.
        scale: The loss weight over N, with the sign of the side.
        diff: (N * C), out.
    """
    channels = a.size // max(1, same.size)
    for n in range(same.size):
        factor = scale
        if abs(same[n]) < 1:
            squares = _squared_distance(a, b, n * channels, channels)
            distance = math.sqrt(squares)
            lack = margin - (squares if legacy else distance)
            factor = -scale if legacy else -scale * lack / (distance + SLACK)
            if lack <= 0:
                factor = 0.0
        share = diff.dtype.type(factor)
        for i in range(n * channels, (n + 1) * channels):
            diff[i] = share * (a[i] - b[i])


@kernel(inner=True)
def _squared_distance(a: Array, b: Array, start: int, count: int) -> float:
    """Return the squared distance of two vectors."""
    total = 0.0
    for i in range(start, start + count):
        difference = float(a[i] - b[i])
        total += difference * difference
    return total
