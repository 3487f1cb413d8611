"""Scratch memory of the matrix kernels: one growing array for each Python thread and element type, used by all layers.

Layers run one after the other, so they can share it: a net needs as much scratch as its hungriest layer, and what a
layer writes here is still in the processor's cache when the next one overwrites it.
"""

from __future__ import annotations

import threading

import numpy as np
import numpy.typing as npt

from pycaffelite.kernels._jit import Array, config

_LINE = 64  # bytes

_held = threading.local()


def workspace(dtype: npt.DTypeLike, count: int) -> Array:
    """Return a flat array of at least `count` elements, with contents that mean nothing, aligned to cache lines.

    It stays valid, and belongs to nobody else, until the next call from the same Python thread.
    """
    dtype = np.dtype(dtype)
    arrays: dict[str, Array] = _held.__dict__
    key = dtype.char  # dtype.str is made anew each time
    array = arrays.get(key)
    if array is None or array.size < count:
        raw = np.zeros(count * dtype.itemsize + _LINE, np.uint8)
        start = -raw.ctypes.data % _LINE
        array = arrays[key] = raw[start : start + count * dtype.itemsize].view(dtype)
    return array


def most_threads() -> int:
    """Return how many threads a parallel kernel may ever run on; `thread_id` is less than this."""
    return int(config.NUMBA_NUM_THREADS)


def padded_stride(count: int, dtype: npt.DTypeLike) -> int:
    """Return a row length of at least `count` elements that is an odd number of cache lines.

    Rows whose distance is a multiple of 4096 bytes fall on the same few places of the first cache, and drive each
    other out; with an odd number of lines they spread over all of it.
    """
    line = _LINE // np.dtype(dtype).itemsize
    lines = -(-count // line)
    return (lines + 1 - lines % 2) * line
