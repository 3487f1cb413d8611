"""Functions of single numbers with their slopes: ELU, BNLL, Swish.

All arrays are flat and of one length n; x (in) and y (out) may be one array; slopes (out) are dy[i]/dx[i]. Parallel
over elements. An exponential and a division an element, in float64.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pycaffelite.kernels._jit import Array, kernel
from pycaffelite.kernels.exponential import negative_exp, negative_expm1
from pycaffelite.kernels.flat import IN_PLACE, run_flat, span
from pycaffelite.kernels.tasks import task

Numbers = npt.NDArray[np.int64]

_LEAST = 1.9287498479639178e-22  # exp(-50): BNLL's slope is that at 50 for all larger numbers


def elu(x: Array, alpha: float, y: Array, slopes: Array) -> None:
    """Write y[i] = x[i] where x[i] > 0, else alpha (exp(x[i]) - 1)."""
    run_flat(_elu, x.size, (x, y, slopes, np.array([alpha], x.dtype)), np.may_share_memory(x, y))


def bnll(x: Array, y: Array, slopes: Array) -> None:
    """Write y[i] = ln(1 + exp(x[i])); the slope is that of min(x[i], 50)."""
    run_flat(_bnll, x.size, (x, y, slopes))


def swish(x: Array, beta: float, y: Array, slopes: Array) -> None:
    """Write y[i] = x[i] / (1 + exp(-beta x[i]))."""
    run_flat(_swish, x.size, (x, y, slopes, np.array([beta], x.dtype)), np.may_share_memory(x, y))


@kernel(inner=True)
def _elu_of(x: float, alpha: float) -> tuple[float, float]:
    low = alpha * negative_expm1(-abs(x))
    return (x, 1.0) if x > 0 else (low, alpha + low)


@task("fffff")
def _elu(number: int, _thread: int, x: Array, y: Array, slopes: Array, alpha: Array, _e: Array, g: Numbers) -> None:
    begin, end = span(number, g)
    factor = alpha[0]
    if g[IN_PLACE]:
        for i in range(begin, end):
            y[i], slopes[i] = _elu_of(y[i], factor)
    else:
        for i in range(begin, end):
            y[i], slopes[i] = _elu_of(x[i], factor)


@task("fffff")
def _bnll(number: int, _thread: int, x: Array, y: Array, slopes: Array, _d: Array, _e: Array, g: Numbers) -> None:
    begin, end = span(number, g)
    for i in range(begin, end):  # once, also for work in place: so long a body is inlined in one place only
        value = x[i]
        e = negative_exp(-1.0 * abs(value))
        flat = e if value < 0 or e > _LEAST else _LEAST
        y[i] = (value if value > 0 else 0.0) + _log1p(e)
        slopes[i] = (1.0 if value > 0 else e) / (1.0 + flat)


@kernel(inner=True)
def _log1p(x: float) -> float:
    """Return ln(1 + x) for 0 <= x <= 1: twice the inverse hyperbolic tangent of x / (2 + x), by its Taylor series."""
    z = x / (2.0 + x)
    square = z * z
    series = 1 / 35
    for n in range(33, 0, -2):
        series = series * square + 1 / n
    return 2.0 * z * series


@kernel(inner=True)
def _swish_of(x: float, beta: float) -> tuple[float, float]:
    # By the side on which exp does not overflow.
    e = negative_exp(-1.0 * abs(beta * x))
    share = (e if beta * x < 0 else 1.0) / (1.0 + e)
    y = x * share
    return y, beta * y + share * (1.0 - beta * y)


@task("fffff")
def _swish(number: int, _thread: int, x: Array, y: Array, slopes: Array, beta: Array, _e: Array, g: Numbers) -> None:
    begin, end = span(number, g)
    factor = beta[0]
    if g[IN_PLACE]:
        for i in range(begin, end):
            y[i], slopes[i] = _swish_of(y[i], factor)
    else:
        for i in range(begin, end):
            y[i], slopes[i] = _swish_of(x[i], factor)
