"""Bottoms side by side."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from pycaffelite.blob import Array, Blob, Shape
from pycaffelite.errors import FieldError, ShapeError
from pycaffelite.kernels import block
from pycaffelite.layers.base import Arity, Context, Layer, Layout, canonical_axis, shape_text
from pycaffelite.layers.registry import register


@register("Concat")
class Concat(Layer):
    """Join bottoms along one axis.

    y[n,o_b+c,i] = x_b[n,c,i], o_b the sum of the lengths of the bottoms before b.

    Bottoms: one or more, x_b (N, C_b, H, W), equal in all axes but the one.
    Tops: y (N, Σ_b C_b, H, W).
    Params: none.
    Fields: `concat_param { axis }`, 1 by default, negative from the back; or the older `concat_dim`, not negative.
    Backward: dx_b[n,c,i] = dy[n,o_b+c,i].
    Errors: FieldError for both fields; ShapeError if there is no such axis or another axis differs.
    Source: Caffe's ConcatLayer.
    """

    arity: ClassVar[Arity] = Arity(bottoms=(1, None))
    joins = True

    def __init__(self, message: Any, context: Context) -> None:
        super().__init__(message, context)
        param = message.concat_param
        if param.HasField("axis") and param.HasField("concat_dim"):
            raise FieldError(
                "`axis` and `concat_dim` are both given",
                expected="one of them",
                got=f"axis {param.axis}, concat_dim {param.concat_dim}",
                hint="leave out `concat_dim`, the older name",
            )
        self.axis: int = param.concat_dim if param.HasField("concat_dim") else param.axis
        self.outer = 1
        self.widths: list[int] = []

    def layout(self, bottom_shapes: Sequence[Shape]) -> Layout:
        """Return the joined shape."""
        first = bottom_shapes[0]
        axis = canonical_axis(self.axis, first)
        for i, shape in enumerate(bottom_shapes):
            if shape[:axis] + shape[axis + 1 :] != first[:axis] + first[axis + 1 :] or len(shape) != len(first):
                raise ShapeError(
                    f"the bottoms differ in more than axis {axis}",
                    expected=f"shape {shape_text(first)}, as bottom 0 has, but for axis {axis}",
                    got=f"bottom {i} of shape {shape_text(shape)}",
                )
        return Layout([(*first[:axis], sum(shape[axis] for shape in bottom_shapes), *first[axis + 1 :])])

    def prepare(self, bottom_shapes: Sequence[Shape]) -> None:
        """See every blob as (outer, width)."""
        axis = canonical_axis(self.axis, bottom_shapes[0])
        self.outer = math.prod(bottom_shapes[0][:axis])
        self.widths = [math.prod(shape[axis:]) for shape in bottom_shapes]

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Copy the bottoms to their places."""
        whole = top[0].data.reshape(self.outer, sum(self.widths))
        offset = 0
        for blob, width in zip(bottom, self.widths, strict=True):
            block.put(blob.data.reshape(self.outer, width), whole, offset)
            offset += width

    def parts(self, top: Sequence[Blob]) -> Sequence[Array]:
        """Return the rows of the bottoms, if there is one outer row: they do not alternate."""
        if self.outer != 1:
            return ()
        return np.split(top[0].flat_data, np.cumsum(self.widths)[:-1])

    def backward(self, top: Sequence[Blob], wanted: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """Copy the diffs back."""
        whole = top[0].diff.reshape(self.outer, sum(self.widths))
        offset = 0
        for blob, width, want in zip(bottom, self.widths, wanted, strict=True):
            if want:
                block.take(whole, offset, blob.diff.reshape(self.outer, width))
            offset += width
