"""A reader for blobs that nobody reads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from pycaffelite.blob import Blob, Shape
from pycaffelite.layers.base import Arity, Layer, Layout
from pycaffelite.layers.registry import register


@register("Silence")
class Silence(Layer):
    """Read blobs and do nothing, so that they are no outputs of the net.

    There is no formula.

    Bottoms: one or more, any shapes.
    Tops: none.
    Params: none.
    Fields: none.
    Backward: dx = 0.
    Errors: none.
    Source: Caffe's SilenceLayer.
    """

    arity: ClassVar[Arity] = Arity(bottoms=(1, None), tops=(0, 0))

    def layout(self, bottom_shapes: Sequence[Shape]) -> Layout:
        """Return no tops."""
        return Layout([])

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Do nothing."""

    def leaves_alone(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> bool:
        """Return true."""
        return True

    def backward(self, top: Sequence[Blob], wanted: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """Write zeros."""
        for blob, want in zip(bottom, wanted, strict=True):
            if want:
                blob.diff.fill(0)
