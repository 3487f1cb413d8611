"""Several axes as one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from pycaffelite.blob import Shape
from pycaffelite.errors import ShapeError
from pycaffelite.layers.base import Context, Layout, canonical_axis, shape_text
from pycaffelite.layers.registry import register
from pycaffelite.layers.reshaping import ReshapingLayer


@register("Flatten")
class Flatten(ReshapingLayer):
    """Make one axis of a range of axes.

    y[n, (c H + h) W + w] = x[n,c,h,w] for the default range.

    Bottoms: x (N, C, H, W), any shape.
    Tops: y (N, C·H·W).
    Params: none.
    Fields: `flatten_param { axis end_axis }`, the first and the last axis of the range, 1 and -1 by default, negative
    from the back.
    Backward: dx = dy in the bottom's shape.
    Errors: ShapeError if there is no such axis, or the last one stands before the first.
    Source: Caffe's FlattenLayer.
    """

    def __init__(self, message: Any, context: Context) -> None:
        super().__init__(message, context)
        self.axis: int = message.flatten_param.axis
        self.end_axis: int = message.flatten_param.end_axis

    def layout(self, bottom_shapes: Sequence[Shape]) -> Layout:
        """Return the flattened shape."""
        shape = bottom_shapes[0]
        first = canonical_axis(self.axis, shape)
        last = canonical_axis(self.end_axis, shape, what="end_axis")
        if last < first - 1:  # an empty range is allowed: it puts in an axis of length 1
            raise ShapeError(
                "`end_axis` stands before `axis`",
                expected=f"end_axis from {first}, for shape {shape_text(shape)}",
                got=f"end_axis {self.end_axis}",
            )
        return Layout([(*shape[:first], math.prod(shape[first : last + 1]), *shape[last + 1 :])])
