"""Blobs with pycaffe's attributes."""

from __future__ import annotations

from pycaffelite import blob as core
from pycaffelite.blob import Array, Shape
from pycaffelite.errors import ShapeError
from pycaffelite.layers.base import shape_text


class Blob:
    """A view of a net's blob: `data` and `diff` are the arrays that the net itself computes with.

    Args:
        blob: The blob.
    """

    __slots__ = ("_blob",)

    def __init__(self, blob: core.Blob) -> None:
        self._blob = blob

    @property
    def data(self) -> Array:
        """The values."""
        return self._blob.data

    @property
    def diff(self) -> Array:
        """The gradient of the loss."""
        return self._blob.diff

    @property
    def shape(self) -> Shape:
        """The lengths of the axes."""
        return self._blob.shape

    @property
    def count(self) -> int:
        """The number of elements."""
        return self._blob.count

    @property
    def num(self) -> int:
        """The length of axis 0, in the days when every blob had four."""
        return self._legacy(0)

    @property
    def channels(self) -> int:
        """The length of axis 1; 1 where there is none."""
        return self._legacy(1)

    @property
    def height(self) -> int:
        """The length of axis 2; 1 where there is none."""
        return self._legacy(2)

    @property
    def width(self) -> int:
        """The length of axis 3; 1 where there is none."""
        return self._legacy(3)

    def reshape(self, *shape: int) -> None:
        """Take a new shape; `net.reshape()`, or the next forward pass, carries it through the net."""
        self._blob.resize(tuple(int(length) for length in shape))

    def _legacy(self, axis: int) -> int:
        if len(self.shape) > 4:
            raise ShapeError(
                "num, channels, height and width are of blobs with four axes", got=f"shape {shape_text(self.shape)}"
            )
        return self.shape[axis] if axis < len(self.shape) else 1

    def __repr__(self) -> str:
        return repr(self._blob)
