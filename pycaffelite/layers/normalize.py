"""Normalize: vectors of one length, times a learned scale."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from pycaffelite.blob import Array, Blob, Shape
from pycaffelite.errors import ShapeError
from pycaffelite.kernels import normalize
from pycaffelite.layers.base import Context, Layer, Layout, ParamLayout, shape_text
from pycaffelite.layers.registry import register
from pycaffelite.schema import messages


@register("Normalize")
class Normalize(Layer):
    """Divide by the Euclidean length of each image, or of the channels at each place, and multiply with a scale.

    y[n,c,p] = scale[c] x[n,c,p] / sqrt(eps + sum over the image, or over c, of x^2)

    Bottoms: x, N x C x any further axes.
    Tops: y, the shape of x.
    Params: scale, a single number if channel_shared, else C.
    Fields: `norm_param`: across_spatial (true): one length for each image, false: one for each place; scale_filler
        (constant 1); channel_shared (true); eps (1e-10).
    Backward: with g = scale[c] dy and s = sum of g x over what shares a length l: dx = (g - x s / l^2) / l;
        dscale[c] = sum of dy x / l, over all channels if they share it.
    Errors: fewer than two axes.
    Source: the SSD fork's Normalize layer; Liu, Rabinovich and Berg, ParseNet, 2015.
    """

    def __init__(self, message: Any, context: Context) -> None:
        super().__init__(message, context)
        fields = message.norm_param
        self.across: bool = fields.across_spatial
        self.shared: bool = fields.channel_shared
        self.eps: float = fields.eps
        self.view = (0, 0, 0)

    def layout(self, bottom_shapes: Sequence[Shape]) -> Layout:
        """Return the top, the scale, and a buffer of lengths and of scales for all channels."""
        shape = bottom_shapes[0]
        images, channels, places = _view(shape)
        fields = self.message.norm_param
        filler = fields.scale_filler
        if not fields.HasField("scale_filler"):
            filler = messages.FillerParameter(type="constant", value=1.0)
        return Layout(
            [shape],
            params=[ParamLayout(() if self.shared else (channels,), filler)],
            buffers={
                "lengths": ((images, 1 if self.across else places), None),
                "scales": ((channels,), None),
                "gradient": ((channels,), None),
            },
        )

    def prepare(self, bottom_shapes: Sequence[Shape]) -> None:
        """Find the 3-D view."""
        self.view = _view(bottom_shapes[0])

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Write y."""
        x, y = bottom[0].data.reshape(self.view), top[0].data.reshape(self.view)
        normalize.forward(x, self._scales(), self.eps, self.buffers["lengths"], y)

    def backward(self, top: Sequence[Blob], wanted: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """Write dx, and add to the gradient of the scale."""
        x, dy = bottom[0].data.reshape(self.view), top[0].diff.reshape(self.view)
        lengths = self.buffers["lengths"]
        if self.wanted_params[0]:
            gradient = self.buffers["gradient"]
            gradient[:] = 0
            normalize.add_scale_gradient(x, lengths, dy, gradient)
            self.params[0].diff[...] += gradient.sum(dtype=np.float64) if self.shared else gradient
        if wanted[0]:
            normalize.backward(x, self._scales(), lengths, dy, bottom[0].diff.reshape(self.view))

    def _scales(self) -> Array:
        """Return the scale of each channel."""
        scales = self.buffers["scales"]
        scales[:] = self.params[0].data
        return scales


def _view(shape: Shape) -> tuple[int, int, int]:
    """Return images, channels, places."""
    if len(shape) < 2:
        raise ShapeError(
            "there is no axis of channels", expected="at least two axes", got=f"bottom of shape {shape_text(shape)}"
        )
    return shape[0], shape[1], math.prod(shape[2:])
