"""The sum of absolute differences of two arrays. All arrays are flat and of one length; serial, bound by memory."""

from __future__ import annotations

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
