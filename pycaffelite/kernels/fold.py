"""Scale and shift of one layer after another, as one scale and shift for each of C channels.

All arrays are of length C; scale and shift are in and out: those of what stands before, then those that include the
layer. Serial: C is small.
"""

from __future__ import annotations

import math

from pycaffelite.kernels._jit import Array, kernel


@kernel()
def fold_normalization(
    mean_sum: Array, variance_sum: Array, count: Array, eps: float, scale: Array, shift: Array
) -> None:
    """Add (x[c] - mean_sum[c] / count) / sqrt(variance_sum[c] / count + eps); sums count as 0 while count[0] is 0."""
    real = scale.dtype.type
    weight = real(0) if count[0] == 0 else real(1) / count[0]
    for c in range(scale.size):
        factor = real(1) / real(math.sqrt(weight * variance_sum[c] + real(eps)))
        scale[c] *= factor
        shift[c] = (shift[c] - weight * mean_sum[c]) * factor


@kernel()
def fold_scale(factors: Array, shifts: Array, scale: Array, shift: Array) -> None:
    """Add factors[c] x[c] + shifts[c]; `shifts` is empty where there are none."""
    for c in range(scale.size):
        scale[c] *= factors[c]
        shift[c] *= factors[c]
        if shifts.size:
            shift[c] += shifts[c]
