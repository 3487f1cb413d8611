"""Products with one number for each channel, and the sums that are their gradients.

Arrays of data are (O, C, S): O outer positions, C channels (any axes, made one), S inner positions. Bound by memory.
"""

from __future__ import annotations

from pycaffelite.kernels._jit import CHUNKS, Array, kernel, prange


@kernel(parallel=True)
def scale_channels(x: Array, scale: Array, y: Array) -> None:
    """Write y[o,c,s] = scale[c] x[o,c,s]; x (in) and y (out) may be one array. Parallel over chunks of (o, c)."""
    channels, inner = x.shape[1], x.shape[2]
    rows = x.shape[0] * channels
    for chunk in prange(CHUNKS):
        # One division a chunk, not one a row: rows may be single numbers.
        o, c = divmod(rows * chunk // CHUNKS, channels)
        for _ in range(rows * chunk // CHUNKS, rows * (chunk + 1) // CHUNKS):
            for s in range(inner):
                y[o, c, s] = scale[c] * x[o, c, s]
            c += 1
            if c == channels:
                o, c = o + 1, 0


@kernel(parallel=True)
def add_to_channels(bias: Array, y: Array) -> None:
    """Add bias[c] to y[o,c,s] (in and out). Parallel over chunks of (o, c)."""
    channels, inner = y.shape[1], y.shape[2]
    rows = y.shape[0] * channels
    for chunk in prange(CHUNKS):
        o, c = divmod(rows * chunk // CHUNKS, channels)
        for _ in range(rows * chunk // CHUNKS, rows * (chunk + 1) // CHUNKS):
            for s in range(inner):
                y[o, c, s] += bias[c]
            c += 1
            if c == channels:
                o, c = o + 1, 0


@kernel(parallel=True)
def add_products(x: Array, dy: Array, dscale: Array) -> None:
    """Add the sum over o and s of x[o,c,s] dy[o,c,s] to dscale[c] (in and out).

    Each sum is one thread's, in float64: parallel over c, the same bits for any number of threads.
    """
    for c in prange(x.shape[1]):
        total = 0.0
        for o in range(x.shape[0]):
            for s in range(x.shape[2]):
                total += x[o, c, s] * dy[o, c, s]
        dscale[c] += total


@kernel(parallel=True)
def add_sums(dy: Array, dbias: Array) -> None:
    """Add the sum over o and s of dy[o,c,s] to dbias[c] (in and out); float64 sums, parallel over c."""
    for c in prange(dy.shape[1]):
        total = 0.0
        for o in range(dy.shape[0]):
            for s in range(dy.shape[2]):
                total += dy[o, c, s]
        dbias[c] += total
