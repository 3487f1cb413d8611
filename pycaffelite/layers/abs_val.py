"""AbsVal: absolute values."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pycaffelite.blob import Blob, Shape
from pycaffelite.layers.base import Layer, Layout
from pycaffelite.layers.registry import register


@register("AbsVal")
class AbsVal(Layer):
    """Take the absolute value of each element.

    y[i] = |x[i]|

    Bottoms: x, any shape.
    Tops: y, the shape of x; not x itself.
    Params: none.
    Fields: none.
    Backward: dx[i] = sign(x[i]) dy[i], where the sign of 0 is 0.
    Errors: none of its own.
    Source: Caffe's AbsValLayer.
    """

    def layout(self, bottom_shapes: Sequence[Shape]) -> Layout:
        """Return one top like the bottom."""
        return Layout([bottom_shapes[0]])

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Write y."""
        np.abs(bottom[0].data, out=top[0].data)

    def backward(self, top: Sequence[Blob], wanted: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """Write dx."""
        if wanted[0]:
            dx = bottom[0].diff
            np.sign(bottom[0].data, out=dx)
            np.multiply(dx, top[0].diff, out=dx)
