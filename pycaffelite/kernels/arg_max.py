"""The places of the largest numbers."""

from __future__ import annotations

import numpy as np

from pycaffelite.kernels._jit import Array, kernel


@kernel()
def arg_max(x: Array, places: Array, values: Array) -> None:
    """Find the k largest numbers along C, the largest first; of equal numbers the one further behind comes first.

    Serial: it runs where a net is used, on scores. k passes over x. NaN counts as less than any number.

    Args:
        x: (O, C, S), in.
        places: (O, k, S), out: c of each; may be of size 0, then it is not written.
        values: (O, k, S), out: the numbers; may be of size 0 too.
    """
    outer, channels, inner = x.shape
    k = max(places.shape[1], values.shape[1])
    for o in range(outer):
        for s in range(inner):
            last, last_place = x.dtype.type(0), -1  # of the number found before
            for j in range(k):
                place = -1
                for c in range(channels):
                    left = last_place < 0 or _precedes(last, last_place, x[o, c, s], c)
                    if left and (place < 0 or _precedes(x[o, c, s], c, x[o, place, s], place)):
                        place = c
                last, last_place = x[o, place, s], place
                if places.size:
                    places[o, j, s] = place
                if values.size:
                    values[o, j, s] = last


@kernel(inner=True)
def _precedes(a: float, i: int, b: float, j: int) -> bool:
    """Tell whether number a at place i comes before number b at place j."""
    if np.isnan(a) or np.isnan(b):
        return i > j if np.isnan(a) and np.isnan(b) else bool(np.isnan(b))
    return a > b or (a == b and i > j)
