"""PReLU: rectified linear units that learn their slope."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from pycaffelite.blob import Blob, Shape
from pycaffelite.errors import ShapeError
from pycaffelite.kernels import prelu
from pycaffelite.layers.base import Arity, Context, Layer, Layout, ParamLayout, shape_text
from pycaffelite.layers.registry import register
from pycaffelite.schema import messages


@register("PReLU")
class PReLU(Layer):
    """Let positive numbers pass, and multiply the others by a learned slope of their channel.

    y[n,c,...] = x[n,c,...] where that is above 0, else slope[c] x[n,c,...]

    Bottoms: x (N, C, ...), two axes or more.
    Tops: y, the shape of x; may be x itself.
    Params: slope (C,), or a single number with channel_shared.
    Fields: `prelu_param`: filler (constant 0.25); channel_shared (false).
    Backward: dx = dy where x > 0, else slope[c] dy; dslope[c] = sum of x dy where x <= 0.
    Errors: ShapeError for a bottom of less than two axes.
    Source: He, Zhang, Ren and Sun, Delving deep into rectifiers (2015), as in Caffe's PReLULayer.
    """

    arity: ClassVar[Arity] = Arity(in_place=True)

    def __init__(self, message: Any, context: Context) -> None:
        super().__init__(message, context)
        self.fields = message.prelu_param
        self.shared: bool = self.fields.channel_shared
        self.in_place = list(message.top[:1]) == list(message.bottom[:1])
        self.view: Shape = ()

    def layout(self, bottom_shapes: Sequence[Shape]) -> Layout:
        """Return one top like the bottom, the slopes and, in place, room for a copy of x."""
        shape = bottom_shapes[0]
        if len(shape) < 2:
            raise ShapeError("the bottom has no channels", expected="at least two axes", got=shape_text(shape))
        filler = self.fields.filler if self.fields.HasField("filler") else messages.FillerParameter(value=0.25)
        slopes = ParamLayout(() if self.shared else shape[1:2], filler)
        return Layout([shape], [slopes], {"x": (shape, None)} if self.in_place else {})

    def prepare(self, bottom_shapes: Sequence[Shape]) -> None:
        """Find outer positions, channels and inner positions."""
        outer, channels, *inner = bottom_shapes[0]
        rest = math.prod(inner)
        self.view = (outer, 1, channels * rest) if self.shared else (outer, channels, rest)

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Write y; in place, of the copy, which the processor has at hand."""
        if not self.in_place:
            self.forward_alone(bottom, top)
            return
        x = self.buffers["x"]
        np.copyto(x, bottom[0].data)
        prelu.forward(x.reshape(self.view), self.params[0].flat_data, top[0].data.reshape(self.view))

    def forward_alone(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Write y and keep nothing."""
        x, y = bottom[0].data.reshape(self.view), top[0].data.reshape(self.view)
        prelu.forward(x, self.params[0].flat_data, y)

    def backward(self, top: Sequence[Blob], wanted: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """Add to the gradient of the slopes, then write dx: it may be dy."""
        x = (self.buffers["x"] if self.in_place else bottom[0].data).reshape(self.view)
        dy = top[0].diff.reshape(self.view)
        slopes = self.params[0]
        if self.wanted_params[0]:
            prelu.add_gradient(x, dy, slopes.flat_diff)
        if wanted[0]:
            prelu.backward(x, dy, slopes.flat_data, bottom[0].diff.reshape(self.view))
