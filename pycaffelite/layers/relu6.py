"""ReLU6: the rectifier with a ceiling."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pycaffelite.blob import Blob, Shape
from pycaffelite.kernels import relu, relu6
from pycaffelite.layers.base import Arity, Layer, Layout
from pycaffelite.layers.registry import register


@register("ReLU6")
class ReLU6(Layer):
    """Let numbers from 0 to 6 through, and bring those below to 0 and those above to 6.

    y[i] = min(max(x[i], 0), 6)

    Bottoms: x, any shape.
    Tops: y, the shape of x; may be x itself.
    Params: none.
    Fields: none.
    Backward: dx[i] = dy[i] where 0 < x[i] < 6, else 0.
    Errors: none of its own.
    Source: a layer of MobileNet forks, for numbers that are stored in few bits.
    """

    arity = Arity(in_place=True)

    def layout(self, bottom_shapes: Sequence[Shape]) -> Layout:
        """Return one top like the bottom, and a byte for each element, which outlives whatever runs in place."""
        return Layout([bottom_shapes[0]], buffers={"inside": (bottom_shapes[0], np.uint8)})

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Write y."""
        relu6.forward(bottom[0].flat_data, top[0].flat_data, self.buffers["inside"].reshape(-1))

    def backward(self, top: Sequence[Blob], wanted: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """Write dx."""
        if wanted[0]:
            inside = self.buffers["inside"].reshape(-1)
            relu.backward(inside, top[0].flat_diff, bottom[0].flat_diff, 0.0)
