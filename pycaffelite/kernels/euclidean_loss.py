"""Half the squared distance of two arrays."""

from __future__ import annotations

import numpy as np

from pycaffelite.kernels._jit import CHUNKS, kernel, prange


@kernel(inner=True)
def _squared_distance_range(a: np.ndarray, b: np.ndarray, start: int, stop: int) -> float:
    """Return the squared distance of the elements start to stop."""
    total = 0.0
    for i in range(start, stop):
        difference = float(a[i] - b[i])
        total += difference * difference
    return total


@kernel(parallel=True)
def squared_distance(a: np.ndarray, b: np.ndarray) -> float:
    """Return Σ_i (a_i - b_i)².

    Parallel over CHUNKS ranges whose sums, in double, are added in order. Cost: one pass over both arrays.

    Args:
        a: (I,), in.
        b: (I,), in.
    """
    count = a.shape[0]
    sums = np.zeros(CHUNKS)
    for chunk in prange(CHUNKS):
        sums[chunk] = _squared_distance_range(a, b, count * chunk // CHUNKS, count * (chunk + 1) // CHUNKS)
    total = 0.0
    for chunk in range(CHUNKS):
        total += sums[chunk]
    return total


@kernel(parallel=True)
def scaled_difference(a: np.ndarray, b: np.ndarray, scale: float, out: np.ndarray) -> None:
    """Write out_i = scale (a_i - b_i).

    Parallel over elements; bound by memory.

    Args:
        a: (I,), in.
        b: (I,), in.
        scale: The factor.
        out: (I,), out.
    """
    factor = out.dtype.type(scale)
    for i in prange(a.shape[0]):
        out[i] = factor * (a[i] - b[i])
