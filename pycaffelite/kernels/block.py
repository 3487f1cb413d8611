"""Copying whole arrays to and from columns of a wider one: what Concat and Slice do.

An array is seen as (outer, width): the axes before the one that is cut, and that axis with all after it.
"""

from __future__ import annotations

import numpy as np

from pycaffelite.kernels._jit import kernel, prange


@kernel(parallel=True)
def put(part: np.ndarray, whole: np.ndarray, offset: int) -> None:
    """Write whole[n, offset + i] = part[n, i].

    Parallel over rows; bound by memory.

    Args:
        part: (N, I), in.
        whole: (N, W), out: only the columns offset to offset + I.
        offset: The first column.
    """
    for n in prange(part.shape[0]):
        for i in range(part.shape[1]):
            whole[n, offset + i] = part[n, i]


@kernel(parallel=True)
def take(whole: np.ndarray, offset: int, part: np.ndarray) -> None:
    """Write part[n, i] = whole[n, offset + i].

    Parallel over rows; bound by memory.

    Args:
        whole: (N, W), in.
        offset: The first column.
        part: (N, I), out.
    """
    for n in prange(part.shape[0]):
        for i in range(part.shape[1]):
            part[n, i] = whole[n, offset + i]
