"""MVN: each channel of each image to mean 0 and variance 1."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from pycaffelite.blob import Blob, Shape
from pycaffelite.errors import ShapeError
from pycaffelite.kernels import mvn
from pycaffelite.layers.base import Arity, Context, Layer, Layout, shape_text
from pycaffelite.layers.registry import register


@register("MVN")
class MVN(Layer):
    """Subtract from each channel of each image its own mean, and divide it by its own standard deviation.

    y[n,c,s] = (x[n,c,s] - mean[n,c]) / (sqrt(variance[n,c]) + eps)

    Bottoms: x, N x C x H x W; axes that are missing at the end count as 1.
    Tops: y, always of four axes; may be x itself where that has four.
    Params: none.
    Fields: `mvn_param`: normalize_variance (true); false leaves the division out; across_channels (false): one mean and
        variance for all channels of an image; eps (1e-9).
    Backward: dx = (dy - mean of dy - y (mean of dy y)) / (sqrt(variance) + eps), means over what was normalized
        together, which is exact for eps 0; without the division dx = dy - mean of dy.
    Errors: more than four axes; nothing to take statistics of; in place with fewer than four axes.
    Source: Caffe's MVN layer.
    """

    arity = Arity(in_place=True)

    def __init__(self, message: Any, context: Context) -> None:
        super().__init__(message, context)
        fields = message.mvn_param
        self.divides: bool = fields.normalize_variance
        self.together = 1 if fields.across_channels else 2  # axes that count what is normalized by itself
        self.eps: float = fields.eps
        self.in_place = list(message.top[:1]) == list(message.bottom[:1])

    def layout(self, bottom_shapes: Sequence[Shape]) -> Layout:
        """Return a top of four axes, the deviations, and y, which a layer after this one may overwrite in place."""
        shape = bottom_shapes[0]
        if len(shape) > 4 or math.prod(shape) == 0:
            raise ShapeError(
                "MVN needs at most four axes" if len(shape) > 4 else "there is nothing to take statistics of",
                expected="N x C x H x W",
                got=f"bottom of shape {shape_text(shape)}",
            )
        top = (*shape, *[1] * (4 - len(shape)))
        if self.in_place and top != shape:
            raise ShapeError(
                "the top has another shape than the bottom",
                expected="four axes, to run in place",
                got=f"bottom of shape {shape_text(shape)}",
                hint="give the top a name of its own",
            )
        rows = math.prod(top[: self.together])
        return Layout([top], buffers={"y": (top, None), "deviations": ((rows,), None)})

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Write y."""
        y, deviations = self.buffers["y"], self.buffers["deviations"]
        view = (deviations.size, -1)
        mvn.normalize_rows(bottom[0].data.reshape(view), y.reshape(view), deviations, self.divides, self.eps)
        np.copyto(top[0].data, y)

    def forward_alone(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Write y and keep nothing."""
        deviations = self.buffers["deviations"]
        view = (deviations.size, -1)
        x, y = bottom[0].data.reshape(view), top[0].data.reshape(view)
        mvn.normalize_rows(x, y, deviations, self.divides, self.eps)

    def backward(self, top: Sequence[Blob], wanted: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """Write dx."""
        if wanted[0]:
            deviations = self.buffers["deviations"]
            view = (deviations.size, -1)
            y, dy, dx = (array.reshape(view) for array in (self.buffers["y"], top[0].diff, bottom[0].diff))
            mvn.normalize_rows_backward(y, deviations, dy, dx, self.divides)
