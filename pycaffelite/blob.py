"""Blobs: the named arrays that layers pass to each other."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

Shape = tuple[int, ...]
Array = npt.NDArray[Any]

_ALIGNMENT = 64  # bytes: one cache line, and the widest vector register


def aligned_zeros(shape: Shape, dtype: npt.DTypeLike) -> Array:
    """Return a C-contiguous array of zeros whose first element is aligned for vector loads."""
    dtype = np.dtype(dtype)
    count = math.prod(shape)
    # np.zeros maps untouched pages lazily: a blob costs no memory before it is written.
    raw = np.zeros(count * dtype.itemsize + _ALIGNMENT, np.uint8)
    start = -raw.ctypes.data % _ALIGNMENT
    return raw[start : start + count * dtype.itemsize].view(dtype).reshape(shape)


def _flat(array: Array) -> Array:
    """Return the memory of an array along one axis; ValueError where only a copy would have that."""
    if not array.flags.c_contiguous:
        raise ValueError("the array of a blob must be C-contiguous")
    return array.reshape(-1)


class Blob:
    """Data and diff (the gradient of the loss) of one shape; both C-contiguous, NCHW where there are four axes.

    The arrays keep their identity until the shape changes, so steps may hold on to them. Two blobs may share data
    (the tops of a split) or both arrays (parameters of a test net) by being given them.

    Attributes:
        flat_data, flat_diff: The same memory along one axis, as most kernels take it.
    """

    __slots__ = ("_data", "_diff", "flat_data", "flat_diff")

    def __init__(
        self, shape: Shape, dtype: npt.DTypeLike = np.float32, *, data: Array | None = None, diff: Array | None = None
    ) -> None:
        self.data = aligned_zeros(shape, dtype) if data is None else data
        self.diff = aligned_zeros(shape, self.data.dtype) if diff is None else diff

    @property
    def data(self) -> Array:
        """The values."""
        return self._data

    @data.setter
    def data(self, array: Array) -> None:
        self._data, self.flat_data = array, _flat(array)

    @property
    def diff(self) -> Array:
        """The gradient of the loss by the values."""
        return self._diff

    @diff.setter
    def diff(self, array: Array) -> None:
        self._diff, self.flat_diff = array, _flat(array)

    @property
    def shape(self) -> Shape:
        """The lengths of the axes."""
        return self._data.shape

    @property
    def count(self) -> int:
        """The number of elements."""
        return self._data.size

    @property
    def dtype(self) -> np.dtype[Any]:
        """The element type of both arrays."""
        return self._data.dtype

    def resize(self, shape: Shape) -> None:
        """Take a new shape; contents are lost, and new arrays are made, only when it differs."""
        if shape != self.data.shape:
            self.data = aligned_zeros(shape, self.data.dtype)
            self.diff = aligned_zeros(shape, self.data.dtype)

    def __repr__(self) -> str:
        return f"Blob({'x'.join(map(str, self.shape)) or 'scalar'}, {self.dtype})"
