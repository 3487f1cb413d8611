"""One bottom, cut into several tops."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any, ClassVar

from pycaffelite.blob import Blob, Shape
from pycaffelite.errors import FieldError, ShapeError
from pycaffelite.kernels import block
from pycaffelite.layers.base import Arity, Context, Layer, Layout, canonical_axis, shape_text
from pycaffelite.layers.registry import register


@register("Slice")
class Slice(Layer):
    """Cut a bottom along one axis, the inverse of Concat.

    y_t[n,c,i] = x[n,s_t+c,i], s_t the slice point before top t.

    Bottoms: x (N, C, H, W).
    Tops: one or more, y_t (N, C_t, H, W), Σ_t C_t = C.
    Params: none.
    Fields: `slice_param { axis slice_point }`: axis 1 by default, negative from the back, or the older `slice_dim`,
    not negative; one point fewer than tops, or none for equal parts.
    Backward: dx[n,s_t+c,i] = dy_t[n,c,i].
    Errors: FieldError for `axis` with `slice_dim`, a wrong number of points, or points that do not increase;
    ShapeError if there is no such axis, a point lies outside it, or it has no equal parts.
    Source: Caffe's SliceLayer.
    """

    arity: ClassVar[Arity] = Arity(tops=(1, None))

    def __init__(self, message: Any, context: Context) -> None:
        super().__init__(message, context)
        param = message.slice_param
        if param.HasField("axis") and param.HasField("slice_dim"):
            raise FieldError(
                "`axis` and `slice_dim` are both given",
                expected="one of them",
                got=f"axis {param.axis}, slice_dim {param.slice_dim}",
                hint="leave out `slice_dim`, the older name",
            )
        self.axis: int = param.slice_dim if param.HasField("slice_dim") else param.axis
        self.points: list[int] = list(param.slice_point)
        self.tops = len(message.top)
        if self.points and len(self.points) != self.tops - 1:
            raise FieldError(
                "the number of slice points does not fit",
                expected=f"{self.tops - 1} for {self.tops} tops, or none for equal parts",
                got=str(len(self.points)),
            )
        if any(after <= before for before, after in itertools.pairwise([0, *self.points])):
            raise FieldError(
                "the slice points do not increase",
                expected="each point above the one before it, the first above 0",
                got=", ".join(map(str, self.points)),
            )
        self.outer = 1
        self.widths: list[int] = []

    def layout(self, bottom_shapes: Sequence[Shape]) -> Layout:
        """Return the shapes of the parts."""
        shape = bottom_shapes[0]
        axis = canonical_axis(self.axis, shape)
        return Layout([(*shape[:axis], length, *shape[axis + 1 :]) for length in self._lengths(shape, axis)])

    def prepare(self, bottom_shapes: Sequence[Shape]) -> None:
        """See every blob as (outer, width)."""
        shape = bottom_shapes[0]
        axis = canonical_axis(self.axis, shape)
        self.outer = math.prod(shape[:axis])
        self.widths = [length * math.prod(shape[axis + 1 :]) for length in self._lengths(shape, axis)]

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Copy the parts out."""
        whole = bottom[0].data.reshape(self.outer, sum(self.widths))
        offset = 0
        for blob, width in zip(top, self.widths, strict=True):
            block.take(whole, offset, blob.data.reshape(self.outer, width))
            offset += width

    def backward(self, top: Sequence[Blob], wanted: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """Copy the diffs to their places."""
        if not wanted[0]:
            return
        whole = bottom[0].diff.reshape(self.outer, sum(self.widths))
        offset = 0
        for blob, width in zip(top, self.widths, strict=True):
            block.put(blob.diff.reshape(self.outer, width), whole, offset)
            offset += width

    def _lengths(self, shape: Shape, axis: int) -> list[int]:
        """Return the length of each part along the axis."""
        length = shape[axis]
        if self.points and self.points[-1] >= length:
            raise ShapeError(
                "a slice point lies outside the bottom",
                expected=f"points from 1 to {length - 1}, for axis {axis} of shape {shape_text(shape)}",
                got=f"slice_point {self.points[-1]}",
            )
        if not self.points and length % self.tops:
            raise ShapeError(
                "the bottom has no equal parts",
                expected=f"axis {axis} a multiple of {self.tops}, the number of tops",
                got=f"{length}, in shape {shape_text(shape)}",
                hint="say where to cut with `slice_point`",
            )
        if not self.points:
            return [length // self.tops] * self.tops
        return [after - before for before, after in itertools.pairwise([0, *self.points, length])]
