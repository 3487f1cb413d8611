"""A loss that is quadratic near zero and absolute beyond.

Serial: such losses compare a few numbers for each region or place.
"""

from __future__ import annotations

from pycaffelite.kernels._jit import Array, kernel


@kernel()
def forward(a: Array, b: Array, inside: Array, outside: Array, square: float, slopes: Array, losses: Array) -> float:
    """Write l_i = outside_i f(inside_i (a_i - b_i)) and dl_i/da_i, and return Σ_i l_i, summed in double.

    f(d) = d² square / 2 where |d| < 1 / square, else |d| - 1 / (2 square).

    Args:
        a: (I,), in.
        b: (I,), in.
        inside: (I,), in; empty: all 1.
        outside: (I,), in; empty: all 1.
        square: The square of sigma.
        slopes: (I,), out: dl_i/da_i.
        losses: (I,), out: l_i; empty: not wanted.
    """
    total = 0.0
    for i in range(a.size):
        weight = float(inside[i]) if inside.size > 0 else 1.0
        factor = float(outside[i]) if outside.size > 0 else 1.0
        difference = weight * float(a[i] - b[i])
        distance = abs(difference)
        if distance < 1 / square:
            loss = factor * 0.5 * square * difference * difference
            slope = square * difference
        else:
            loss = factor * (distance - 0.5 / square)
            slope = 1.0 if difference > 0 else (-1.0 if difference < 0 else difference)  # NaN stays NaN
        total += loss
        slopes[i] = factor * weight * slope
        if losses.size > 0:
            losses[i] = loss
    return total
