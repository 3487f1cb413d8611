"""ArgMax: where the largest numbers are."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar

from pycaffelite.blob import Blob, Shape
from pycaffelite.errors import FieldError, ShapeError
from pycaffelite.kernels.arg_max import arg_max
from pycaffelite.layers.base import Context, Layer, Layout, canonical_axis, shape_text
from pycaffelite.layers.registry import register


@register("ArgMax")
class ArgMax(Layer):
    """Find the places of the largest numbers, the largest first.

    y[n,0,j] = c where x[n,c] is the j-th largest of record n; of equal numbers the one further behind comes first.

    Bottoms: x, any shape; without an axis all axes but the first count as one.
    Tops: y (N, 1, k), with ones behind it up to the number of axes of x; (N, 2, k) with out_max_val: places, then
        values. With an axis: the shape of x, that axis of length k; places, or values with out_max_val.
    Params: none.
    Fields: `argmax_param`: top_k (1); out_max_val (false); axis (none), negative from the back.
    Backward: none.
    Errors: FieldError for a top_k of 0; ShapeError where there are fewer than top_k numbers, or not that axis.
    Source: Caffe's ArgMaxLayer.
    """

    no_gradient_to: ClassVar[frozenset[int]] = frozenset({0})

    def __init__(self, message: Any, context: Context) -> None:
        super().__init__(message, context)
        self.fields = message.argmax_param
        self.top_k: int = self.fields.top_k
        self.axis: int | None = self.fields.axis if self.fields.HasField("axis") else None
        if self.top_k < 1:
            raise FieldError("`top_k` is too small", expected="top_k of at least 1", got=f"top_k {self.top_k}")

    def layout(self, bottom_shapes: Sequence[Shape]) -> Layout:
        """Return the shape of the places."""
        shape = bottom_shapes[0]
        _, choices, _ = self._view(shape)
        if self.top_k > choices:
            raise ShapeError(
                "`top_k` is above the number of choices",
                expected=f"top_k from 1 to {choices}, for a bottom of shape {shape_text(shape)}",
                got=f"top_k {self.top_k}",
            )
        if self.axis is not None:
            top = list(shape)
            top[self.axis] = self.top_k
        else:
            top = [shape[0], 2 if self.fields.out_max_val else 1, self.top_k, *[1] * (len(shape) - 3)]
        return Layout([tuple(top)])

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Write the places."""
        outer, choices, inner = self._view(bottom[0].shape)
        x = bottom[0].data.reshape(outer, choices, inner)
        kinds = 2 if self.fields.out_max_val and self.axis is None else 1
        y = top[0].data.reshape(outer, kinds, self.top_k, inner)
        nothing = y[:0, 0]
        places = nothing if self.fields.out_max_val and self.axis is not None else y[:, 0]
        arg_max(x, places, y[:, -1] if self.fields.out_max_val else nothing)

    def backward(self, top: Sequence[Blob], wanted: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """Do nothing: the bottom gets no gradient."""

    def _view(self, shape: Shape) -> tuple[int, int, int]:
        """Return what lies before the choices, their number, and what lies behind them."""
        if self.axis is None:
            canonical_axis(0, shape, what="the first axis")
            return shape[0], math.prod(shape[1:]), 1
        axis = canonical_axis(self.axis, shape)
        return math.prod(shape[:axis]), shape[axis], math.prod(shape[axis + 1 :])
