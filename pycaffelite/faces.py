"""Blobs and layers as code written for pycaffe sees them: scripts, and the classes behind Python layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pycaffelite import blob as core
from pycaffelite.blob import Array, Shape
from pycaffelite.errors import ShapeError, UnsupportedError


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

    def show(self, blob: core.Blob) -> None:
        """Become a view of another blob."""
        self._blob = blob

    def _legacy(self, axis: int) -> int:
        if len(self.shape) > 4:
            raise ShapeError(
                "num, channels, height and width are of blobs with four axes",
                got=f"shape {'x'.join(map(str, self.shape))}",
            )
        return self.shape[axis] if axis < len(self.shape) else 1

    def __repr__(self) -> str:
        return repr(self._blob)


class Blobs(list[Blob]):
    """The parameters of a layer."""

    def add_blob(self, *shape: int) -> None:
        """Add a parameter of zeros; for `setup`, which may fill it."""
        self.append(Blob(core.Blob(tuple(int(length) for length in shape), np.float32)))


class Layer:
    """Base of the classes that `type: "Python"` layers name: `import caffe; class Mine(caffe.Layer)`.

    A subclass has `setup`, `reshape`, `forward` and `backward`. Blobs have `data`, `diff`, `shape`, `reshape(...)`.

    Attributes:
        type: The type string.
        param_str: The text that the prototxt has for the class; `param_str_` is its older name.
        phase: `caffe.TRAIN` (0) or `caffe.TEST` (1).
        blobs: The parameters; `setup` adds them with `self.blobs.add_blob(...)`.
    """

    type: str
    param_str: str
    param_str_: str
    phase: int
    blobs: Blobs

    def __new__(cls, *_arguments: Any, **_keywords: Any) -> Layer:
        """Make the attributes, also where a subclass has an `__init__` that does not call ours."""
        layer = super().__new__(cls)
        layer.type, layer.param_str, layer.param_str_, layer.phase, layer.blobs = "Python", "", "", 0, Blobs()
        return layer

    def __init__(self, layer_param: Any = None) -> None:
        """Take the LayerParameter message."""

    def setup(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Read `param_str`, check the bottoms, add parameters; called once."""

    def reshape(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Reshape the tops; called before each forward pass."""
        raise UnsupportedError("the class has no `reshape`")

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Write the data of the tops."""
        raise UnsupportedError("the class has no `forward`")

    def backward(self, top: Sequence[Blob], propagate_down: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """Write the diff of each bottom whose flag is set, and add to those of the parameters."""
        raise UnsupportedError("the class has no `backward`")

    def state_to_resume(self) -> Any:
        """Return what an exact resume needs besides parameters, as JSON values; None for nothing. Not of pycaffe."""
        return None

    def resume(self, state: Any) -> None:
        """Take up what `state_to_resume` returned. Not of pycaffe."""
