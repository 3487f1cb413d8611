"""The family of layers with a base: of powers, of logarithms."""

from __future__ import annotations

import math

from pycaffelite.errors import FieldError

E = -1.0  # what stands for e in the prototxt


def natural_logarithm(base: float) -> float:
    """Return ln(base), 1 for the base that stands for e; FieldError where there is none."""
    if base == E:
        return 1.0
    if not 0 < base < math.inf:
        raise FieldError("the base is not positive", expected="a base above 0, or -1 for e", got=f"base {base:g}")
    return math.log(base)
