"""y = (shift + scale x)^power, element by element."""

from __future__ import annotations

import numpy as np

from pycaffelite.kernels._jit import kernel, prange


@kernel(parallel=True)
def forward(x: np.ndarray, power: float, scale: float, shift: float, y: np.ndarray) -> None:
    """Write y_i = (shift + scale x_i)^power.

    Parallel over elements. A negative base with a broken power is NaN.

    Args:
        x: (I,), in.
        power: The exponent.
        scale: The factor.
        shift: The summand.
        y: (I,), out; may be `x`.
    """
    exponent, factor, summand = y.dtype.type(power), y.dtype.type(scale), y.dtype.type(shift)
    for i in prange(x.shape[0]):
        base = summand + factor * x[i]
        if exponent == 1:
            y[i] = base
        elif exponent == 2:
            y[i] = base * base
        else:
            y[i] = base**exponent


@kernel(parallel=True)
def backward(
    x: np.ndarray,
    y: np.ndarray,
    top_diff: np.ndarray,
    power: float,
    scale: float,
    shift: float,
    bottom_diff: np.ndarray,
) -> None:
    """Write dx_i = power scale (shift + scale x_i)^(power - 1) dy_i, for a power other than 1 and a scale other than 0.

    The power is taken from y, as the quotient y / base, except for power 2: a base of 0 gives NaN, as in the
    reference. Parallel over elements.

    Args:
        x: (I,), in.
        y: (I,), in: from `forward`.
        top_diff: (I,), in: dy.
        power: The exponent.
        scale: The factor.
        shift: The summand.
        bottom_diff: (I,), out: dx; may be `top_diff`.
    """
    slope, factor, summand = y.dtype.type(power * scale), y.dtype.type(scale), y.dtype.type(shift)
    for i in prange(x.shape[0]):
        base = summand + factor * x[i]
        if power == 2:
            bottom_diff[i] = slope * base * top_diff[i]
        else:
            bottom_diff[i] = slope * (y[i] / base) * top_diff[i]
