"""The family of layers whose parameter has some axes of the bottom, and stretches over the others."""

from __future__ import annotations

import math
from typing import Any

from pycaffelite.blob import Shape
from pycaffelite.errors import FieldError, ShapeError
from pycaffelite.layers.base import canonical_axis, shape_text


def check_num_axes(fields: Any) -> None:
    """Raise FieldError for a `num_axes` that means nothing."""
    if fields.num_axes < -1:
        raise FieldError("num_axes is out of range", expected="-1 or more", got=str(fields.num_axes))


def own_shape(fields: Any, shape: Shape) -> Shape:
    """Return the shape of the parameter: `num_axes` axes of the bottom from `axis` on."""
    count = fields.num_axes
    axis = canonical_axis(fields.axis, shape)
    if count >= 0 and axis + count > len(shape):
        raise ShapeError(
            "num_axes reaches past the last axis",
            expected=f"num_axes of at most {len(shape) - axis}, from axis {axis} on",
            got=f"num_axes {count}, bottom of shape {shape_text(shape)}",
        )
    return shape[axis:] if count == -1 else shape[axis : axis + count]


def three_axes(first: int, shape: Shape, own: Shape) -> Shape:
    """Return the shape of the bottom as (O, C, S), C being the axes of `own`; ShapeError where these are others.

    Args:
        first: The axis of the bottom where those of `own` begin.
        shape: That of the bottom.
        own: That of the parameter, or of the second bottom in its place.
    """
    axis = 0 if not own else canonical_axis(first, shape)
    if shape[axis : axis + len(own)] != own:
        raise ShapeError(
            "the second bottom does not fit the first",
            expected=f"the lengths of axes of {shape_text(shape)}, from axis {axis} on",
            got=f"second bottom of shape {shape_text(own)}",
        )
    return math.prod(shape[:axis]), math.prod(own), math.prod(shape[axis + len(own) :])
