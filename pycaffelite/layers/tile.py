"""Tile: the same again and again."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from pycaffelite.blob import Blob, Shape
from pycaffelite.errors import FieldError
from pycaffelite.layers.base import Context, Layer, Layout, canonical_axis
from pycaffelite.layers.registry import register


@register("Tile")
class Tile(Layer):
    """Repeat the bottom along an axis.

    y[o, t C + c, s] = x[o,c,s] for t from 0 to tiles - 1; o counts the axes before `axis`, c that axis, s those behind.

    Bottoms: x, any shape.
    Tops: y, the shape of x with an axis that is `tiles` times as long.
    Params: none.
    Fields: `tile_param`: axis (1), negative from the back; tiles, needed.
    Backward: dx[o,c,s] = sum over t of dy[o, t C + c, s].
    Errors: FieldError where tiles is missing or less than 1; ShapeError for an axis that x does not have.
    Source: Caffe's TileLayer.
    """

    def __init__(self, message: Any, context: Context) -> None:
        super().__init__(message, context)
        self.axis: int = message.tile_param.axis
        self.tiles: int = message.tile_param.tiles
        self.outer = 0
        if self.tiles < 1:
            raise FieldError(
                "`tiles` is missing or not positive", expected="tile_param { tiles: 2 }, or another number above 0",
                got=f"tiles {self.tiles}" if message.tile_param.HasField("tiles") else "none",
            )  # fmt: skip

    def layout(self, bottom_shapes: Sequence[Shape]) -> Layout:
        """Return the longer top."""
        shape = list(bottom_shapes[0])
        shape[canonical_axis(self.axis, bottom_shapes[0])] *= self.tiles
        return Layout([tuple(shape)])

    def prepare(self, bottom_shapes: Sequence[Shape]) -> None:
        """Count the outer positions."""
        self.outer = math.prod(bottom_shapes[0][: canonical_axis(self.axis, bottom_shapes[0])])

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Write y."""
        block = bottom[0].count // max(1, self.outer)
        top[0].data.reshape(self.outer, self.tiles, block)[...] = bottom[0].data.reshape(self.outer, 1, block)

    def backward(self, top: Sequence[Blob], wanted: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """Write dx."""
        if wanted[0]:
            block = bottom[0].count // max(1, self.outer)
            dy = top[0].diff.reshape(self.outer, self.tiles, block)
            np.sum(dy, axis=1, out=bottom[0].diff.reshape(self.outer, block))
