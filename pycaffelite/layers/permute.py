"""Permute: the axes of a blob in another order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pycaffelite.blob import Blob, Shape
from pycaffelite.errors import FieldError, ShapeError
from pycaffelite.kernels.permute import permute
from pycaffelite.layers.base import Context, Layer, Layout, shape_text
from pycaffelite.layers.registry import register


@register("Permute")
class Permute(Layer):
    """Put the axes in another order, as from N x C x H x W to N x H x W x C.

    y[i_order[0], i_order[1], ...] = x[i_0, i_1, ...]

    Bottoms: x, any shape.
    Tops: y, whose axis k has the length of axis order[k] of x.
    Params: none.
    Fields: `permute_param`: order, for each axis of y the axis of x that it is; axes that are not named follow in the
        order they have.
    Backward: dx is dy with the axes put back.
    Errors: an axis named twice; an axis that x does not have.
    Source: the SSD fork's Permute layer.
    """

    def __init__(self, message: Any, context: Context) -> None:
        super().__init__(message, context)
        self.named = [int(axis) for axis in message.permute_param.order]
        if len(set(self.named)) < len(self.named):
            raise FieldError(
                "an axis is named twice",
                expected="each axis once in `order`",
                got=", ".join(map(str, self.named)),
            )
        self.order: list[int] = []
        self.back: list[int] = []

    def layout(self, bottom_shapes: Sequence[Shape]) -> Layout:
        """Return the top with its axes in order."""
        shape = bottom_shapes[0]
        return Layout([tuple(shape[axis] for axis in self._order(shape))])

    def prepare(self, bottom_shapes: Sequence[Shape]) -> None:
        """Complete the order, and reverse it."""
        self.order = self._order(bottom_shapes[0])
        self.back = [int(axis) for axis in np.argsort(self.order)]

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Write y."""
        permute(bottom[0].data, self.order, top[0].data)

    def backward(self, top: Sequence[Blob], wanted: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """Write dx."""
        if wanted[0]:
            permute(top[0].diff, self.back, bottom[0].diff)

    def _order(self, shape: Shape) -> list[int]:
        """Return the order with the axes that are not named behind those that are."""
        missing = [axis for axis in self.named if axis >= len(shape)]
        if missing:
            raise ShapeError(
                "there is no such axis",
                expected=f"axes from 0 to {len(shape) - 1} in `order`",
                got=f"axis {missing[0]}, bottom of shape {shape_text(shape)}",
            )
        return self.named + [axis for axis in range(len(shape)) if axis not in self.named]
