"""Random masks that are a function of a key and a position, and what is done with them.

All arrays are flat and of one length n; parallel over elements. No element depends on another, nor on what was drawn
before, so the bits do not depend on the number of threads.
"""

from __future__ import annotations

from pycaffelite.kernels._jit import Array, kernel, prange

_LOW = 0xFFFFFFFF


@kernel()
def _scramble(word: int) -> int:
    """Return a 32-bit hash of a 32-bit word: each bit of it turns every bit of the result with even chance."""
    word = ((word ^ (word >> 16)) * 0x7FEB352D) & _LOW
    word = ((word ^ (word >> 15)) * 0x446CA68B) & _LOW
    return word ^ (word >> 16)


@kernel(parallel=True)
def draw_mask(mask: Array, first: int, second: int, threshold: int) -> None:
    """Write mask[i] = 1 with probability 1 - threshold / 2^32, else 0.

    Element i is a hash of i and of the two 32-bit halves of a key, `first` and `second`; positions repeat after 2^32.

    mask (out): uint8. Two hashes an element, in integers that fit in 64 bits.
    """
    for i in prange(mask.size):
        word = _scramble((_scramble((i ^ first) & _LOW) + second) & _LOW)
        mask[i] = 1 if word >= threshold else 0


@kernel(parallel=True)
def apply_mask(x: Array, mask: Array, factor: float, y: Array) -> None:
    """Write y[i] = factor x[i] where mask[i] is not 0, else 0; x (in) and y (out) may be one array."""
    kept, zero = x.dtype.type(factor), x.dtype.type(0)
    for i in prange(x.size):
        y[i] = x[i] * (kept if mask[i] else zero)
