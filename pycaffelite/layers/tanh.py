"""TanH: the hyperbolic tangent."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pycaffelite.blob import Blob, Shape
from pycaffelite.kernels import tanh
from pycaffelite.layers.base import Arity, Layer, Layout
from pycaffelite.layers.registry import register


@register("TanH")
class TanH(Layer):
    """Squeeze numbers into the range from -1 to 1 by the hyperbolic tangent.

    y[i] = tanh(x[i])

    Bottoms: x, any shape.
    Tops: y, the shape of x; may be x itself.
    Params: none.
    Fields: `tanh_param`: engine (ignored).
    Backward: dx[i] = dy[i] (1 - y[i]^2).
    Errors: none of its own.
    Source: the hyperbolic tangent, as in Caffe's TanH layer.
    """

    arity = Arity(in_place=True)

    def layout(self, bottom_shapes: Sequence[Shape]) -> Layout:
        """Return one top like the bottom, and a copy of y: a layer after this one may overwrite y in place."""
        return Layout([bottom_shapes[0]], buffers={"y": (bottom_shapes[0], None)})

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Write y."""
        y = self.buffers["y"]
        tanh.forward(bottom[0].flat_data, y.reshape(-1))
        np.copyto(top[0].data, y)

    def backward(self, top: Sequence[Blob], wanted: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """Write dx."""
        if wanted[0]:
            y = self.buffers["y"].reshape(-1)
            tanh.backward(y, top[0].flat_diff, bottom[0].flat_diff)
