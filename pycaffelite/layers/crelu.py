"""CReLU: positive and negative parts."""

from __future__ import annotations

import math
from collections.abc import Sequence

from pycaffelite.blob import Blob, Shape
from pycaffelite.kernels import crelu
from pycaffelite.layers.base import Layer, Layout, canonical_axis
from pycaffelite.layers.registry import register


@register("CReLU")
class CReLU(Layer):
    """Rectify numbers and their opposites, and put both side by side: nothing is lost.

    y[o,c,s] = r(x[o,c,s]), y[o,C + c,s] = r(-x[o,c,s]), with r(v) = v where v > 0, else negative_slope v

    Bottoms: x, O... x C x S...
    Tops: y, O... x 2 C x S...
    Params: none.
    Fields: `crelu_param`: concat_axis (1), that of C, negative from the back; negative_slope (0).
    Backward: dx[o,c,s] = dy[o,c,s] r'(x) - dy[o,C + c,s] r'(-x); r'(0) is the slope.
    Errors: concat_axis is out of range.
    Source: Shang et al., Understanding and Improving Convolutional Neural Networks via Concatenated Rectified Linear
        Units, 2016.
    """

    def layout(self, bottom_shapes: Sequence[Shape]) -> Layout:
        """Return a top with twice the channels."""
        shape = bottom_shapes[0]
        axis = self._axis(shape)
        return Layout([(*shape[:axis], 2 * shape[axis], *shape[axis + 1 :])])

    def prepare(self, bottom_shapes: Sequence[Shape]) -> None:
        """Count the elements of a part."""
        shape = bottom_shapes[0]
        self.inner = math.prod(shape[self._axis(shape) :])

    def _axis(self, shape: Shape) -> int:
        return canonical_axis(self.message.crelu_param.concat_axis, shape, what="concat_axis")

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Write y."""
        slope = self.message.crelu_param.negative_slope
        crelu.forward(bottom[0].flat_data, top[0].flat_data, self.inner, slope)

    def backward(self, top: Sequence[Blob], wanted: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """Write dx."""
        if wanted[0]:
            x, dy, dx = (array.reshape(-1) for array in (bottom[0].data, top[0].diff, bottom[0].diff))
            crelu.backward(x, dy, dx, self.inner, self.message.crelu_param.negative_slope)
