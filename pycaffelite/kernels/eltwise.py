"""Sums, products and maxima of arrays, element by element.

All arrays are flat and of one length; all kernels are parallel over elements and bound by memory. `out` may be any of
the inputs: the same object, or else there are no vectors.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from pycaffelite.kernels._jit import Array, kernel, prange
from pycaffelite.kernels.flat import IN_PLACE, run_flat, span
from pycaffelite.kernels.tasks import task

Numbers = npt.NDArray[np.int64]


def weighted_sum(a: Array, alpha: float, b: Array, beta: float, out: Array) -> None:
    """Write out_i = α a_i + β b_i."""
    if b is out:
        a, alpha, b, beta = b, beta, a, alpha
    run_flat(_weighted_sum, out.size, (a, b, out, _factors(out.dtype, alpha, beta)), a is out)


def add_rectified(a: Array, alpha: float, b: Array, beta: float, out: Array, slope: float) -> None:
    """Write out_i = v where v = α a_i + β b_i is above 0, else slope v."""
    run_flat(_add_rectified, out.size, (a, b, out, _factors(out.dtype, alpha, beta, slope)))


def sum_of_three(a: Array, b: Array, c: Array, out: Array) -> None:
    """Write out_i = a_i + b_i + c_i, from left to right."""
    run_flat(_sum_of_three, out.size, (a, b, c, out), a is out)


def scale(a: Array, alpha: float, out: Array) -> None:
    """Write out_i = α a_i."""
    run_flat(_scale, out.size, (a, out, np.array([alpha], out.dtype)), a is out)


@lru_cache
def _factors(dtype: np.dtype[Any], *factors: float) -> Array:
    """Return the factors of a layer as tasks take them."""
    return np.array(factors, dtype)


@task("fffff")
def _weighted_sum(
    number: int, _thread: int, a: Array, b: Array, out: Array, weights: Array, _e: Array, g: Numbers
) -> None:
    begin, end = span(number, g)
    alpha, beta = weights[0], weights[1]
    if g[IN_PLACE]:
        for i in range(begin, end):
            out[i] = alpha * out[i] + beta * b[i]
    else:
        for i in range(begin, end):
            out[i] = alpha * a[i] + beta * b[i]


@task("fffff")
def _add_rectified(
    number: int, _thread: int, a: Array, b: Array, out: Array, weights: Array, _e: Array, g: Numbers
) -> None:
    begin, end = span(number, g)
    alpha, beta, slope = weights[0], weights[1], weights[2]
    for i in range(begin, end):
        value = alpha * a[i] + beta * b[i]
        out[i] = value if value > 0 else slope * value


@task("fffff")
def _sum_of_three(number: int, _thread: int, a: Array, b: Array, c: Array, out: Array, _e: Array, g: Numbers) -> None:
    begin, end = span(number, g)
    if g[IN_PLACE]:
        for i in range(begin, end):
            out[i] = (out[i] + b[i]) + c[i]
    else:
        for i in range(begin, end):
            out[i] = (a[i] + b[i]) + c[i]


@task("fffff")
def _scale(number: int, _thread: int, a: Array, out: Array, alpha: Array, _d: Array, _e: Array, g: Numbers) -> None:
    begin, end = span(number, g)
    factor = alpha[0]
    if g[IN_PLACE]:
        for i in range(begin, end):
            out[i] = factor * out[i]
    else:
        for i in range(begin, end):
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
