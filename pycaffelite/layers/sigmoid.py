"""Sigmoid: the logistic function."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pycaffelite.blob import Blob, Shape
from pycaffelite.kernels import sigmoid
from pycaffelite.layers.base import Arity, Layer, Layout
from pycaffelite.layers.registry import register


@register("Sigmoid")
class Sigmoid(Layer):
    """Squeeze numbers into the range from 0 to 1 by the logistic function.

    y[i] = 1 / (1 + exp(-x[i]))

    Bottoms: x, any shape.
    Tops: y, the shape of x; may be x itself.
    Params: none.
    Fields: `sigmoid_param`: engine (ignored).
    Backward: dx[i] = dy[i] y[i] (1 - y[i]).
    Errors: none of its own.
    Source: the logistic function, as in Caffe's Sigmoid layer.
    """

    arity = Arity(in_place=True)

    def layout(self, bottom_shapes: Sequence[Shape]) -> Layout:
        """Return one top like the bottom, and a copy of y: a layer after this one may overwrite y in place."""
        return Layout([bottom_shapes[0]], buffers={"y": (bottom_shapes[0], None)})

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Write y."""
        y = self.buffers["y"]
        sigmoid.forward(bottom[0].flat_data, y.reshape(-1))
        np.copyto(top[0].data, y)

    def backward(self, top: Sequence[Blob], wanted: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """Write dx."""
        if wanted[0]:
            y = self.buffers["y"].reshape(-1)
            sigmoid.backward(y, top[0].flat_diff, bottom[0].flat_diff)
