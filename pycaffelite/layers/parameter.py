"""Parameter: learned numbers as a blob."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from pycaffelite.blob import Blob, Shape
from pycaffelite.errors import FieldError
from pycaffelite.layers.base import Arity, Context, Layer, Layout, ParamLayout
from pycaffelite.layers.declared_shapes import declared_shape
from pycaffelite.layers.registry import register


@register("Parameter")
class Parameter(Layer):
    """Make a parameter a blob that other layers can take as bottom.

    y = w

    Bottoms: none.
    Tops: y, the stated shape.
    Params: w, the same shape; zeros at first, unless weights are loaded or shared by name.
    Fields: `parameter_param { shape { dim } }`.
    Backward: dw += dy.
    Errors: FieldError for no shape, or a dimension below 1.
    Source: Caffe's ParameterLayer.
    """

    arity: ClassVar[Arity] = Arity(bottoms=(0, 0))

    def __init__(self, message: Any, context: Context) -> None:
        super().__init__(message, context)
        if not message.parameter_param.HasField("shape"):
            raise FieldError(
                "a parameter has no shape", expected="`parameter_param { shape { dim: ... } }`", got="no shape"
            )
        self.shape = declared_shape(message.parameter_param.shape.dim)

    def layout(self, bottom_shapes: Sequence[Shape]) -> Layout:
        """Return the stated shape, for top and parameter."""
        return Layout([self.shape], [ParamLayout(self.shape)])

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Write y."""
        np.copyto(top[0].data, self.params[0].data)

    def backward(self, top: Sequence[Blob], wanted: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """Add to dw."""
        if self.wanted_params[0]:
            np.add(self.params[0].diff, top[0].diff, out=self.params[0].diff)
