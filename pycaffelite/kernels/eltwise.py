"""Sums, products and maxima of arrays, element by element.

All arrays are flat and of one length; all kernels are parallel over elements and bound by memory. `out` may be any of
the inputs.
"""

from __future__ import annotations

import numpy as np

from pycaffelite.kernels._jit import kernel, prange


@kernel(parallel=True)
def weighted_sum(a: np.ndarray, alpha: float, b: np.ndarray, beta: float, out: np.ndarray) -> None:
    """Write out_i = α a_i + β b_i."""
    first, second = out.dtype.type(alpha), out.dtype.type(beta)
    for i in prange(out.shape[0]):
        out[i] = first * a[i] + second * b[i]


@kernel(parallel=True)
def scale(a: np.ndarray, alpha: float, out: np.ndarray) -> None:
    """Write out_i = α a_i."""
    factor = out.dtype.type(alpha)
    for i in prange(out.shape[0]):
        out[i] = factor * a[i]


@kernel(parallel=True)
def product(a: np.ndarray, b: np.ndarray, out: np.ndarray) -> None:
    """Write out_i = a_i b_i."""
    for i in prange(out.shape[0]):
        out[i] = a[i] * b[i]


@kernel(parallel=True)
def scaled_ratio(a: np.ndarray, b: np.ndarray, c: np.ndarray, out: np.ndarray) -> None:
    """Write out_i = a_i / b_i c_i; 0 / 0 is NaN."""
    for i in prange(out.shape[0]):
        out[i] = a[i] / b[i] * c[i]


@kernel(parallel=True)
def maximum_of_two(a: np.ndarray, b: np.ndarray, out: np.ndarray, winner: np.ndarray) -> None:
    """Write out_i = max(a_i, b_i); `winner` (int32) becomes 0 where a_i is larger, and 1 elsewhere, so for a tie."""
    for i in prange(out.shape[0]):
        if a[i] > b[i]:
            winner[i] = 0
            out[i] = a[i]
        else:
            winner[i] = 1
            out[i] = b[i]


@kernel(parallel=True)
def maximum_of_next(a: np.ndarray, index: int, out: np.ndarray, winner: np.ndarray) -> None:
    """Where a_i is larger than out_i, replace it and write `index` to `winner` (int32); a tie changes nothing."""
    for i in prange(out.shape[0]):
        if a[i] > out[i]:
            winner[i] = index
            out[i] = a[i]


@kernel(parallel=True)
def where_winner(a: np.ndarray, winner: np.ndarray, index: int, out: np.ndarray) -> None:
    """Write out_i = a_i where `winner` (int32) is `index`, and 0 elsewhere."""
    for i in prange(out.shape[0]):
        out[i] = a[i] if winner[i] == index else 0
