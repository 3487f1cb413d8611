"""Softmax."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from pycaffelite.blob import Blob, Shape
from pycaffelite.kernels import softmax
from pycaffelite.layers.base import Arity, Context, Layer, Layout
from pycaffelite.layers.class_scores import View, axis_view
from pycaffelite.layers.registry import register


@register("Softmax")
class Softmax(Layer):
    """Turn scores along one axis into probabilities.

    y[n,c,i] = exp(x[n,c,i]) / Σ_k exp(x[n,k,i]), the largest score subtracted first; n and i stand for the axes
    before and after the axis.

    Bottoms: x, any shape (N, C, H, W).
    Tops: y, as x; may be the bottom.
    Params: none.
    Fields: `softmax_param { axis }`, 1 by default, negative from the back; `engine` is ignored.
    Backward: dx[n,c,i] = (dy[n,c,i] - Σ_k dy[n,k,i] y[n,k,i]) y[n,c,i].
    Errors: ShapeError if there is no such axis, or it is empty.
    Source: Caffe's SoftmaxLayer.
    """

    arity: ClassVar[Arity] = Arity(in_place=True)

    def __init__(self, message: Any, context: Context) -> None:
        super().__init__(message, context)
        self.axis: int = message.softmax_param.axis
        self.view: View = (0, 0, 0)

    def layout(self, bottom_shapes: Sequence[Shape]) -> Layout:
        """Return a top of the bottom's shape."""
        axis_view(self.axis, bottom_shapes[0])
        return Layout([bottom_shapes[0]])

    def prepare(self, bottom_shapes: Sequence[Shape]) -> None:
        """Find the 3-D view."""
        self.view = axis_view(self.axis, bottom_shapes[0])

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Write the probabilities."""
        softmax.forward(bottom[0].flat_data, top[0].flat_data, self.view)

    def backward(self, top: Sequence[Blob], wanted: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """Write the bottom's diff from the top's data and diff."""
        if wanted[0]:
            softmax.backward(top[0].flat_data, top[0].flat_diff, bottom[0].flat_diff, self.view)
