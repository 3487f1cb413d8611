"""ReLU: the rectifier."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from pycaffelite.blob import Array, Blob, Shape
from pycaffelite.kernels import relu
from pycaffelite.layers.base import Arity, Context, Epilogue, Layer, Layout
from pycaffelite.layers.registry import register


@register("ReLU")
class ReLU(Layer):
    """Let positive numbers through and multiply the others by a slope, which is 0 unless told otherwise.

    y[i] = max(x[i], 0) + negative_slope min(x[i], 0)

    Bottoms: x, any shape.
    Tops: y, the shape of x; may be x itself.
    Params: none.
    Fields: `relu_param`: negative_slope (0); engine (ignored).
    Backward: dx[i] = dy[i] where x[i] > 0, else negative_slope dy[i]; at exactly 0 it is the slope. In place the sign
        is that of y, as in Caffe, which has overwritten x: with a negative slope dx[i] = dy[i] wherever x[i] is not 0.
    Errors: none of its own.
    Source: Nair and Hinton, Rectified Linear Units Improve Restricted Boltzmann Machines, 2010; the slope: Maas et al.,
        Rectifier Nonlinearities Improve Neural Network Acoustic Models, 2013.
    """

    arity = Arity(in_place=True)

    def __init__(self, message: Any, context: Context) -> None:
        super().__init__(message, context)
        self.slope: float = message.relu_param.negative_slope
        self.folded = False  # whether another layer made y last: then its sign stands for the bytes

    def layout(self, bottom_shapes: Sequence[Shape]) -> Layout:
        """Return one top like the bottom, and a byte for each element: the sign of x outlives whatever runs in place.

        Reading bytes backward saves the time that writing them costs forward.
        """
        return Layout([bottom_shapes[0]], buffers={"positive": ((math.prod(bottom_shapes[0]),), np.uint8)})

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Write y."""
        self.folded = False
        positive = self.buffers["positive"]
        relu.forward(bottom[0].flat_data, top[0].flat_data, positive, self.slope)
        if self.slope < 0 and top[0] is bottom[0]:
            np.greater(top[0].flat_data, 0, out=positive.view(np.bool_))

    def forward_alone(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Write y."""
        relu.rectify(bottom[0].flat_data, top[0].flat_data, self.slope)

    def backward(self, top: Sequence[Blob], wanted: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """Write dx."""
        if wanted[0]:
            positive = top[0].flat_data if self.folded else self.buffers["positive"]
            relu.backward(positive, top[0].flat_diff, bottom[0].flat_diff, self.slope)

    def epilogue(self) -> Epilogue | None:
        """Return the slope, unless it is negative: then the sign of y tells nothing of that of x."""
        return Epilogue(self._fold, slope=self.slope, reversible=True) if self.slope >= 0 else None

    def _fold(self, _scale: Array, _shift: Array) -> None:
        self.folded = True
