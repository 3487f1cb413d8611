"""Sums of absolute differences of two arrays, and their gradients; serial, bound by memory.

All arrays are flat. In `sum_lengths` and `length_gradient` they are (N, C, S), differences that are NaN do not count,
and an empty b is all zeros.
"""

from __future__ import annotations

import math

from pycaffelite.kernels._jit import Array, kernel


@kernel()
def distance(a: Array, b: Array) -> float:
    """Return the sum over i of |a[i] - b[i]|, in float64."""
    total = 0.0
    for i in range(a.size):
        total += abs(a[i] - b[i])
    return total


@kernel()
def direction(a: Array, b: Array, scale: float, out: Array) -> None:
    """Write out[i] = scale where a[i] > b[i], -scale where a[i] < b[i], 0 where they are equal."""
    step = out.dtype.type(scale)
    for i in range(a.size):
        out[i] = step * (int(a[i] > b[i]) - int(a[i] < b[i]))


@kernel(inner=True)
def _difference(a: Array, b: Array, i: int) -> float:
    """Return a[i] - b[i] in float64; 0 for NaN."""
    d = float(a[i] - b[i]) if b.size else float(a[i])
    return 0.0 if math.isnan(d) else d


@kernel(inner=True)
def _squared_length(a: Array, b: Array, first: int, channels: int, inner: int) -> float:
    """Return the squared length of the differences of a place, C numbers `inner` apart."""
    total = 0.0
    for c in range(channels):
        d = _difference(a, b, first + c * inner)
        total += d * d
    return total


@kernel()
def count_entries(a: Array, b: Array) -> int:
    """Return how many differences are not NaN."""
    count = 0
    for i in range(a.size):
        count += int(not math.isnan(a[i] - b[i] if b.size else a[i]))
    return count


@kernel()
def sum_lengths(a: Array, b: Array, channels: int, inner: int, factor: float, epsilon: float, plateau: float) -> float:
    """Return the sum over n, s of sqrt(q + epsilon), q = factor sum over c of (a - b)^2, 0 if below plateau^2."""
    total = 0.0
    for place in range(a.size // channels):
        first = place // inner * channels * inner + place % inner
        square = factor * _squared_length(a, b, first, channels, inner)
        total += math.sqrt((0.0 if square < plateau * plateau else square) + epsilon)
    return total


@kernel()
def length_gradient(
    a: Array,
    b: Array,
    channels: int,
    inner: int,
    factor: float,
    epsilon: float,
    plateau: float,
    scale: float,
    out: Array,
) -> None:
    """Write the gradient of that sum for a, times scale: scale factor (a - b) / sqrt(q + epsilon), 0 on the plateau."""
    for place in range(a.size // channels):
        first = place // inner * channels * inner + place % inner
        square = factor * _squared_length(a, b, first, channels, inner)
        root = math.sqrt(square + epsilon)
        slope = scale * factor / root if root > 0 and square >= plateau * plateau else 0.0
        for c in range(channels):
            i = first + c * inner
            out[i] = slope * _difference(a, b, i)
