"""ShuffleChannel: each group gets channels of all groups."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from pycaffelite.blob import Array, Blob, Shape
from pycaffelite.errors import FieldError, ShapeError
from pycaffelite.layers.base import Context, Layer, Layout, shape_text
from pycaffelite.layers.registry import register


@register("ShuffleChannel")
class ShuffleChannel(Layer):
    """Deal the channels of each of G groups out like cards, so that what follows in groups sees all of them.

    y[n, k G + g, s] = x[n, g C / G + k, s], with k the number of a channel in its group

    Bottoms: x, N x C x any axes.
    Tops: y, the shape of x.
    Params: none.
    Fields: `shuffle_channel_param`: group (1).
    Backward: dx is dy with the channels dealt back.
    Errors: group is 0; the channels are not divisible by it; fewer than two axes.
    Source: Zhang et al., ShuffleNet, 2017, in a fork of its reimplementation.
    """

    def __init__(self, message: Any, context: Context) -> None:
        super().__init__(message, context)
        self.group = int(message.shuffle_channel_param.group)
        if self.group < 1:
            raise FieldError("group is out of range", expected="group of at least 1", got=str(self.group))

    def layout(self, bottom_shapes: Sequence[Shape]) -> Layout:
        """Return one top like the bottom."""
        shape = bottom_shapes[0]
        if len(shape) < 2 or shape[1] % self.group:
            raise ShapeError(
                "the channels cannot be dealt out",
                expected=f"a multiple of group {self.group} as axis 1",
                got=f"bottom of shape {shape_text(shape)}",
            )
        return Layout([shape])

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Write y."""
        _deal(bottom[0].data, top[0].data, self.group)

    def backward(self, top: Sequence[Blob], wanted: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """Write dx: to deal back is to deal from as many groups as each group had channels."""
        if wanted[0]:
            _deal(top[0].diff, bottom[0].diff, max(1, top[0].shape[1] // self.group))


def _deal(source: Array, target: Array, group: int) -> None:
    """Copy the channels of a number of groups to where they are dealt."""
    images, channels, *axes = source.shape
    lengths = (images, group, channels // group, math.prod(axes))
    dealt = source.reshape(lengths).swapaxes(1, 2)
    np.copyto(target.reshape(dealt.shape), dealt)
