"""The logistic function.

All arrays are flat and of one length n. Parallel over elements, of which none depends on another: the bits do not
depend on the number of threads. Forward costs one call of tanh an element, backward three products.
"""

from __future__ import annotations

import math

from pycaffelite.kernels._jit import Array, kernel, prange


@kernel(parallel=True)
def sigmoid_forward(x: Array, y: Array) -> None:
    """Write y[i] = 1 / (1 + exp(-x[i])); x (in) and y (out) may be one array."""
    half = x.dtype.type(0.5)
    for i in prange(x.size):
        # By tanh, because exp would overflow on one side.
        y[i] = half * math.tanh(half * x[i]) + half


@kernel(parallel=True)
def sigmoid_backward(y: Array, dy: Array, dx: Array) -> None:
    """Write dx[i] = dy[i] y[i] (1 - y[i]); dy (in) and dx (out) may be one array."""
    one = y.dtype.type(1)
    for i in prange(y.size):
        dx[i] = dy[i] * y[i] * (one - y[i])
