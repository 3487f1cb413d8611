"""Blobs that the user fills."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from pycaffelite.blob import Blob, Shape
from pycaffelite.errors import FieldError
from pycaffelite.layers.base import Arity, Context, Layer, Layout
from pycaffelite.layers.declared_shapes import declared_shape, per_top
from pycaffelite.layers.registry import register


@register("Input")
class Input(Layer):
    """Make blobs of stated shapes and leave their contents to the user.

    There is no formula.

    Bottoms: none.
    Tops: one or more, of the stated shapes, zero at first.
    Params: none.
    Fields: `input_param { shape { dim } }`: one shape for all tops, or one for each.
    Backward: none.
    Errors: FieldError for no shape or a wrong number of shapes, or for a dimension below 1.
    Source: Caffe's InputLayer.
    """

    arity: ClassVar[Arity] = Arity(bottoms=(0, 0), tops=(1, None))

    def __init__(self, message: Any, context: Context) -> None:
        super().__init__(message, context)
        shapes, tops = message.input_param.shape, len(message.top)
        if not shapes:
            raise FieldError("an input has no shape", expected="`input_param { shape { dim: ... } }`", got="no shape")
        per_top("shape", len(shapes), tops)
        self.shapes = [declared_shape(shape.dim) for shape in shapes] * (tops if len(shapes) == 1 else 1)

    def layout(self, bottom_shapes: Sequence[Shape]) -> Layout:
        """Return the stated shapes."""
        return Layout(self.shapes)

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Do nothing."""

    def backward(self, top: Sequence[Blob], wanted: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """Do nothing."""
