"""What ends the sums of a convolution, as its kernels read it: a row of scale, shift and slope for each output."""

from __future__ import annotations

from pycaffelite.kernels._jit import Array


def write_ending(ending: Array, shift: Array, scale: Array | None, slope: float | None) -> Array:
    """Write ending (outputs x 3) from what `convolution.forward` takes; return it flat."""
    ending[:, 0] = 1 if scale is None or scale.size == 0 else scale
    ending[:, 1] = shift if shift.size else 0
    ending[:, 2] = 1 if slope is None else slope
    return ending.reshape(-1)
