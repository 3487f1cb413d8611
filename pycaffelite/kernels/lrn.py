"""Local response normalization: sums over windows, and what is done with them.

With the sum q[i] of the squares in the window of element i, d[i] = k + a q[i] and p[i] = d[i]^-beta, forward is
y = x p and backward is dx = dy p - 2 a beta x w, where w[i] is the sum of dy x p / d over the window of i: windows are
symmetric, so the elements whose window holds i are those in the window of i. Flat arrays are of one length; all are
parallel over parts that do not depend on each other, so the bits do not depend on the number of threads.
"""

from __future__ import annotations

import math

from pycaffelite.kernels._jit import Array, kernel, prange


@kernel(parallel=True)
def square(x: Array, squares: Array) -> None:
    """Write squares[i] = x[i]^2, flat."""
    for i in prange(x.size):
        squares[i] = x[i] * x[i]


@kernel(parallel=True)
def sum_across(values: Array, size: int, sums: Array) -> None:
    """Write sums[n,c,s] = sum of values[n,j,s] over the existing channels j from c - size // 2 to c + size // 2.

    values (in), sums (out): (N, C, S). Parallel over n and c; `size` additions an element.
    """
    channels, inner, reach = values.shape[1], values.shape[2], size // 2
    for row in prange(values.shape[0] * channels):
        n, c = row // channels, row % channels
        for s in range(inner):
            sums[n, c, s] = 0
        for j in range(max(0, c - reach), min(channels, c + reach + 1)):
            for s in range(inner):
                sums[n, c, s] += values[n, j, s]


@kernel(parallel=True)
def sum_within(values: Array, size: int, rows: Array, sums: Array) -> None:
    """Write sums[p,h,w] = sum of values[p,i,j] over the size x size window around (h, w), clipped at the borders.

    values (in), rows (scratch: the sums along w), sums (out): (P, H, W). Parallel over planes; 2 `size` additions an
    element.
    """
    height, width, reach = values.shape[1], values.shape[2], size // 2
    for p in prange(values.shape[0]):
        for h in range(height):
            for w in range(width):
                rows[p, h, w] = 0
            for shift in range(-reach, reach + 1):
                for w in range(max(0, -shift), min(width, width - shift)):
                    rows[p, h, w] += values[p, h, w + shift]
        for h in range(height):
            for w in range(width):
                sums[p, h, w] = 0
            for i in range(max(0, h - reach), min(height, h + reach + 1)):
                for w in range(width):
                    sums[p, h, w] += rows[p, i, w]


@kernel(parallel=True)
def forward(x: Array, sums: Array, k: float, a: float, beta: float, divisor: Array, power: Array, y: Array) -> None:
    """Write divisor = k + a sums, power = divisor^-beta and y = x power, all flat.

    The usual exponent, 3/4, is done with two square roots, which vector units have; others cost a power an element.
    """
    base, factor, exponent = x.dtype.type(k), x.dtype.type(a), x.dtype.type(-beta)
    one = x.dtype.type(1)
    if beta == 0.75:
        for i in prange(x.size):
            d = base + factor * sums[i]
            root = math.sqrt(d)
            p = one / (root * math.sqrt(root))
            divisor[i] = d
            power[i] = p
            y[i] = x[i] * p
    else:
        for i in prange(x.size):
            d = base + factor * sums[i]
            p = d**exponent
            divisor[i] = d
            power[i] = p
            y[i] = x[i] * p


@kernel(parallel=True)
def weighted_ratio(x: Array, divisor: Array, power: Array, dy: Array, ratio: Array) -> None:
    """Write ratio = dy x power / divisor, flat."""
    for i in prange(x.size):
        ratio[i] = dy[i] * x[i] * power[i] / divisor[i]


@kernel(parallel=True)
def backward(x: Array, power: Array, sums: Array, factor: float, dy: Array, dx: Array) -> None:
    """Write dx = dy power - factor x sums, flat, with the window sums of `weighted_ratio` and factor = 2 a beta."""
    f = x.dtype.type(factor)
    for i in prange(x.size):
        dx[i] = dy[i] * power[i] - f * x[i] * sums[i]
