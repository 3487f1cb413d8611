"""Positive and negative parts of rows, one behind the other.

x and dx are (O, K), y and dy (O, 2, K), flat. Serial, bound by memory.
"""

from __future__ import annotations

from pycaffelite.kernels._jit import Array, kernel


@kernel()
def forward(x: Array, y: Array, inner: int, slope: float) -> None:
    """Write y[o,0,k] = x where x > 0, else slope x; y[o,1,k] = -x where x < 0, else -slope x; x = x[o,k]."""
    factor = x.dtype.type(slope)
    for row in range(x.size // max(inner, 1)):
        for k in range(inner):
            value = x[row * inner + k]
            y[2 * row * inner + k] = value if value > 0 else factor * value
            y[(2 * row + 1) * inner + k] = -value if value < 0 else -factor * value


@kernel()
def backward(x: Array, dy: Array, dx: Array, inner: int, slope: float) -> None:
    """Write dx[o,k] = dy[o,0,k] s(x) - dy[o,1,k] s(-x), s(v) = 1 where v > 0, else slope."""
    factor, one = x.dtype.type(slope), x.dtype.type(1)
    for row in range(x.size // max(inner, 1)):
        for k in range(inner):
            value = x[row * inner + k]
            up, down = dy[2 * row * inner + k], dy[(2 * row + 1) * inner + k]
            dx[row * inner + k] = up * (one if value > 0 else factor) - down * (one if value < 0 else factor)
