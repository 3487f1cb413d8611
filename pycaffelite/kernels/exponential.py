"""The exponential function as arithmetic that vector units have, for kernels that need it once an element.

Calls of the C library stop LLVM from using vectors; this runs more than ten times as fast. Numbers are float64 inside,
so a float32 caller gets the nearest float32 but for rare ties.
"""

from __future__ import annotations

import numpy as np

from pycaffelite.kernels._jit import kernel

_LOG2_E = 1.4426950408889634
_LN2_HIGH = 0.693147180369123816490  # with 32 zero bits at its end: products with small whole numbers are exact
_LN2_LOW = 1.90821492927058770002e-10
_SHIFT = 6755399441055744.0  # 1.5 2^52: the last bits of a sum with it are those of a whole number
_LEAST = -700.0  # beyond it powers of two become subnormal


@kernel()
def negative_exp(x: float) -> float:
    """Return e^x for x <= 0, to 1e-13 of the result at least; x below -700 counts as -700, NaN stays NaN."""
    power, series = _split(x)
    return power + power * series


@kernel()
def negative_expm1(x: float) -> float:
    """Return e^x - 1 for x <= 0, to about 1e-16 of the result, also where that is tiny; NaN stays NaN."""
    power, series = _split(x)
    return power * series + (power - 1)


@kernel(inner=True)
def _split(x: float) -> tuple[float, float]:
    """Return 2^n and e^r - 1, where x = n ln 2 + r and |r| <= (ln 2) / 2; the latter by its Taylor series."""
    x = np.float64(_LEAST if x < _LEAST else x)
    n = np.floor(x * _LOG2_E + 0.5)
    r = (x - n * _LN2_HIGH) - n * _LN2_LOW
    series = 1 / 6227020800
    series = series * r + 1 / 479001600
    series = series * r + 1 / 39916800
    series = series * r + 1 / 3628800
    series = series * r + 1 / 362880
    series = series * r + 1 / 40320
    series = series * r + 1 / 5040
    series = series * r + 1 / 720
    series = series * r + 1 / 120
    series = series * r + 1 / 24
    series = series * r + 1 / 6
    series = series * r + 0.5
    series = (series * r + 1) * r
    # n in the exponent bits of a float64 makes 2^n.
    bits = np.float64(n + _SHIFT).view(np.int64)
    return np.int64((bits + 1023) << 52).view(np.float64), series
