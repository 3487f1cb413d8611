"""The hyperbolic tangent.

All arrays are flat and of one length n. Parallel over elements, of which none depends on another: the bits do not
depend on the number of threads. Forward costs one call of tanh an element, backward two products.
"""

from __future__ import annotations

import math

from pycaffelite.kernels._jit import Array, kernel, prange


@kernel(parallel=True)
def tanh_forward(x: Array, y: Array) -> None:
    """Write y[i] = tanh(x[i]); x (in) and y (out) may be one array."""
    for i in prange(x.size):
        y[i] = math.tanh(x[i])


@kernel(parallel=True)
def tanh_backward(y: Array, dy: Array, dx: Array) -> None:
    """Write dx[i] = dy[i] (1 - y[i]^2); dy (in) and dx (out) may be one array."""
    one = y.dtype.type(1)
    for i in prange(y.size):
        dx[i] = dy[i] * (one - y[i] * y[i])
