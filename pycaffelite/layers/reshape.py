"""Another shape for the same elements."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from pycaffelite.blob import Shape
from pycaffelite.errors import FieldError, ShapeError
from pycaffelite.layers.base import Context, Layout, shape_text
from pycaffelite.layers.registry import register
from pycaffelite.layers.reshaping import ReshapingLayer


@register("Reshape")
class Reshape(ReshapingLayer):
    """Replace a range of axes by others with as many elements.

    y[j] = x[j], j counting elements in row-major order.

    Bottoms: x, any shape.
    Tops: y, as many elements.
    Params: none.
    Fields: `reshape_param { shape { dim } axis num_axes }`: the new axes, and the first and the number of the axes
    that they replace, by default all. `dim: 0` copies the length of the axis at the same place, `dim: -1` stands for
    what is left. A negative axis counts from behind the last: with num_axes 0, axis -1 appends.
    Backward: dx = dy in the bottom's shape.
    Errors: FieldError for two dims -1, or a dim or num_axes below -1; ShapeError if the range leaves the bottom, a 0
    has no axis to copy, or the number of elements differs.
    Source: Caffe's ReshapeLayer.
    """

    def __init__(self, message: Any, context: Context) -> None:
        super().__init__(message, context)
        param = message.reshape_param
        self.dims: list[int] = list(param.shape.dim)
        self.axis: int = param.axis
        self.num_axes: int = param.num_axes
        if min([0, *self.dims]) < -1 or self.dims.count(-1) > 1:
            raise FieldError(
                "the new shape is not clear",
                expected="dims of at least 0, and at most one -1",
                got=", ".join(f"dim {dim}" for dim in self.dims),
            )
        if self.num_axes < -1:
            raise FieldError("`num_axes` is negative", expected="-1 for all, or more", got=f"num_axes {self.num_axes}")

    def layout(self, bottom_shapes: Sequence[Shape]) -> Layout:
        """Return the new shape."""
        shape = bottom_shapes[0]
        start, stop = self._range(shape)
        new = [self._copied(shape, start + i) if dim == 0 else dim for i, dim in enumerate(self.dims)]
        count = math.prod(shape)
        if -1 in new:
            given = math.prod(shape[:start]) * math.prod(shape[stop:]) * math.prod(dim for dim in new if dim != -1)
            if given == 0 or count % given:
                raise self._mismatch(shape, f"a multiple of {given} elements")
            new[new.index(-1)] = count // given
        top = (*shape[:start], *new, *shape[stop:])
        if math.prod(top) != count:
            raise self._mismatch(shape, f"{math.prod(top)} elements, for the new shape {shape_text(top)}")
        return Layout([top])

    def _range(self, shape: Shape) -> tuple[int, int]:
        """Return the first of the axes to replace, and the one after the last."""
        start = self.axis if self.axis >= 0 else len(shape) + self.axis + 1
        stop = len(shape) if self.num_axes == -1 else start + self.num_axes
        if not 0 <= start <= len(shape) or stop > len(shape):
            raise ShapeError(
                "the axes to replace leave the bottom",
                expected=f"a range of the {len(shape)} axes of shape {shape_text(shape)}",
                got=f"axis {self.axis}, num_axes {self.num_axes}",
            )
        return start, stop

    def _copied(self, shape: Shape, axis: int) -> int:
        """Return the length that a `dim: 0` stands for."""
        if axis >= len(shape):
            raise ShapeError(
                "a `dim: 0` has no axis to copy",
                expected=f"an axis {axis} in the bottom",
                got=f"bottom of shape {shape_text(shape)}",
            )
        return shape[axis]

    @staticmethod
    def _mismatch(shape: Shape, expected: str) -> ShapeError:
        return ShapeError(
            "the number of elements does not fit the new shape",
            expected=expected,
            got=f"{math.prod(shape)}, in bottom of shape {shape_text(shape)}",
        )
