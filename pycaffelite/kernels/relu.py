"""Rectified linear units, with a slope for numbers that are not positive.

All arrays are flat and of one length n. Parallel over elements: it is bound by memory, and an element depends on no
other, so the bits do not depend on the number of threads. One comparison and one product an element.
"""

from __future__ import annotations

from pycaffelite.kernels._jit import Array, kernel, prange


@kernel(parallel=True)
def forward(x: Array, y: Array, positive: Array, slope: float) -> None:
    """Write y[i] = x[i] where x[i] > 0, else slope x[i], and note which it was.

    x (in) and y (out) may be one array; positive (out): uint8, 1 where x[i] > 0, else 0.
    """
    factor = x.dtype.type(slope)
    for i in prange(x.size):
        value = x[i]
        positive[i] = value > 0
        y[i] = value if value > 0 else factor * value


@kernel(parallel=True)
def rectify(x: Array, y: Array, slope: float) -> None:
    """Write y[i] = x[i] where x[i] > 0, else slope x[i]; x (in) and y (out) may be one array."""
    factor = x.dtype.type(slope)
    for i in prange(x.size):
        y[i] = x[i] if x[i] > 0 else factor * x[i]


@kernel(parallel=True)
def backward(positive: Array, dy: Array, dx: Array, slope: float) -> None:
    """Write dx[i] = dy[i] where positive[i] > 0, else slope dy[i]; dy (in) and dx (out) may be one array.

    positive (in): what `forward` noted, or y itself if the slope is not negative.
    """
    factor = dy.dtype.type(slope)
    for i in prange(dy.size):
        dx[i] = dy[i] if positive[i] > 0 else factor * dy[i]
