"""Clip: numbers brought into a range."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from pycaffelite.blob import Blob, Shape
from pycaffelite.errors import FieldError
from pycaffelite.layers.base import Arity, Context, Layer, Layout
from pycaffelite.layers.registry import register


@register("Clip")
class Clip(Layer):
    """Replace what lies outside of a range by the nearer end of it.

    y[i] = max(min, x[i]) where x[i] <= max, else max

    Bottoms: x, any shape.
    Tops: y, the shape of x; may be x itself.
    Params: none.
    Fields: `clip_param { min max }`, both needed.
    Backward: dx[i] = dy[i] where min <= x[i] <= max, else 0.
    Errors: FieldError when min or max is missing.
    Source: Caffe's ClipLayer. Should min be above max, all elements become min, as there. In place the reference
    passes every gradient on, this layer the right ones.
    """

    arity: ClassVar[Arity] = Arity(in_place=True)

    def __init__(self, message: Any, context: Context) -> None:
        super().__init__(message, context)
        param = message.clip_param
        missing = [name for name in ("min", "max") if not param.HasField(name)]
        if missing:
            raise FieldError(
                "a Clip layer needs its range",
                expected="clip_param { min: -1 max: 1 }, for example",
                got=f"no {' and no '.join(missing)}",
            )
        self.least: float = param.min
        self.most: float = param.max

    def layout(self, bottom_shapes: Sequence[Shape]) -> Layout:
        """Return one top like the bottom, and room to note which elements are in range."""
        flags = (bottom_shapes[0], np.bool_)
        return Layout([bottom_shapes[0]], buffers={"inside": flags, "below": flags})

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Write y."""
        inside, below = self.buffers["inside"], self.buffers["below"]
        np.greater_equal(bottom[0].data, self.least, out=inside)
        np.less_equal(bottom[0].data, self.most, out=below)
        np.logical_and(inside, below, out=inside)
        self.forward_alone(bottom, top)

    def forward_alone(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Write y and note nothing."""
        np.minimum(bottom[0].data, self.most, out=top[0].data)
        np.maximum(top[0].data, self.least, out=top[0].data)

    def backward(self, top: Sequence[Blob], wanted: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """Write dx."""
        if wanted[0]:
            np.multiply(top[0].diff, self.buffers["inside"], out=bottom[0].diff)
