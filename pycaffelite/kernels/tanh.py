"""The hyperbolic tangent.

All arrays are flat and of one length n. Parallel over elements, of which none depends on another: the bits do not
depend on the number of threads. Forward costs an exponential and a division an element, in float64;
backward two products.
"""

from __future__ import annotations

import math

from pycaffelite.kernels._jit import Array, kernel, prange
from pycaffelite.kernels.exponential import negative_expm1


@kernel(parallel=True)
def forward(x: Array, y: Array) -> None:
    """Write y[i] = tanh(x[i]) = (1 - e) / (1 + e) with e = exp(-2 x[i]); x (in) and y (out) may be one array."""
    for i in prange(x.size):
        # Of -|x|, so that e - 1 keeps its digits near 0 and nothing overflows.
        value = x[i]
        less = negative_expm1(-2.0 * abs(value))
        y[i] = math.copysign(less / (2.0 + less), value)


@kernel(parallel=True)
def backward(y: Array, dy: Array, dx: Array) -> None:
    """Write dx[i] = dy[i] (1 - y[i]^2); dy (in) and dx (out) may be one array."""
    one = y.dtype.type(1)
    for i in prange(y.size):
        dx[i] = dy[i] * (one - y[i] * y[i])
