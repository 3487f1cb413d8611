"""The logistic function.

All arrays are flat and of one length n. Parallel over elements, of which none depends on another: the bits do not
depend on the number of threads. Forward costs an exponential and a division an element, in float64;
backward three products.
"""

from __future__ import annotations

from pycaffelite.kernels._jit import Array, kernel, prange
from pycaffelite.kernels.exponential import negative_exp


@kernel(parallel=True)
def forward(x: Array, y: Array) -> None:
    """Write y[i] = 1 / (1 + exp(-x[i])); x (in) and y (out) may be one array."""
    for i in prange(x.size):
        # By the side on which exp does not overflow: e / (1 + e) or 1 / (1 + e).
        value = x[i]
        e = negative_exp(-1.0 * abs(value))
        y[i] = (e if value < 0 else 1.0) / (1.0 + e)


@kernel(parallel=True)
def backward(y: Array, dy: Array, dx: Array) -> None:
    """Write dx[i] = dy[i] y[i] (1 - y[i]); dy (in) and dx (out) may be one array."""
    one = y.dtype.type(1)
    for i in prange(y.size):
        dx[i] = dy[i] * y[i] * (one - y[i])
