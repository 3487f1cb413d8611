"""Lengths of rows, and sums of rows. All of them serial: rows are few and short."""

from __future__ import annotations

import math

from pycaffelite.kernels._jit import Array, kernel


@kernel()
def lengths(x: Array, depth: int, out: Array) -> None:
    """Write the Euclidean length of each row of x (flat, rows of `depth` elements) to out; sums in float64."""
    for m in range(out.size):
        total = 0.0
        for k in range(m * depth, (m + 1) * depth):
            total += x[k] * x[k]
        out[m] = math.sqrt(total)


@kernel()
def add_rows(x: Array, vectors: Array, chosen: Array, a: Array, b: Array, out: Array) -> None:
    """Add a[m] vectors[chosen[m], k] + b[m] x[m, k] to out[m, k]; matrices are flat, with rows of equal length."""
    depth = x.size // max(a.size, 1)
    for m in range(a.size):
        source = chosen[m] * depth
        for k in range(depth):
            out[m * depth + k] += a[m] * vectors[source + k] + b[m] * x[m * depth + k]
