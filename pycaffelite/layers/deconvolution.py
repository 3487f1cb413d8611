"""Deconvolution: learned filters that spread what they see over a larger image."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from pycaffelite.blob import Blob, Shape
from pycaffelite.errors import ShapeError
from pycaffelite.kernels import scale
from pycaffelite.layers.base import Context, Layout, ParamLayout, shape_text
from pycaffelite.layers.registry import register
from pycaffelite.layers.sliding import Sliding, check_groups, outputs_and_groups, plan_convolution, same_shape


@register("Deconvolution")
class Deconvolution(Sliding):
    """Do what Convolution does in its backward pass: each input adds its filter to the output, scaled by itself.

    y[n, o, stride p + dilation k - pad] gets w[c,o,k] x[n,c,p] for all c, k and p; then bias[o] is added

    Here p and k run over all spatial axes; with groups, o and c run over the channels of one group.

    Bottoms: one or more of the same shape N... x C x spatial axes (any number of them).
    Tops: for each bottom, N... x num_output x output sizes, stride (in - 1) + dilation (k - 1) + 1 - 2 pad.
    Params: w, C x num_output / group x kernel sizes; bias, num_output, if bias_term.
    Fields: `convolution_param`: as of Convolution. With `weight_filler { type: "bilinear" }`, lr_mult 0 and group,
        num_output and C all the same it makes images larger by interpolation.
    Backward: dx is the convolution of dy with w; dw and dbias are added to, for all pairs of bottom and top.
    Errors: as of Convolution; an output of no size.
    Source: Zeiler et al., Deconvolutional Networks, 2010; for segmentation: Long, Shelhamer and Darrell, 2015.
    """

    def __init__(self, message: Any, context: Context) -> None:
        super().__init__(message, context)
        self.outputs, self.group = outputs_and_groups(self.fields)

    def layout(self, bottom_shapes: Sequence[Shape]) -> Layout:
        """Return a top for each bottom, the filters and the bias."""
        shape = same_shape(bottom_shapes)
        axis, windows = self.windows(shape)
        check_groups(shape, axis, self.group)
        params = [ParamLayout((shape[axis], self.outputs // self.group, *windows.kernel), self.fields.weight_filler)]
        if self.fields.bias_term:
            params.append(ParamLayout((self.outputs,), self.fields.bias_filler))
        return Layout([(*shape[:axis], self.outputs, *self._sizes(shape))] * len(bottom_shapes), params)

    def macs(self, bottom_shapes: Sequence[Shape], layout: Layout) -> int:
        """Count: each number of a bottom goes into one filter."""
        return sum(map(math.prod, bottom_shapes)) * math.prod(layout.params[0].shape[1:])

    def _sizes(self, shape: Shape) -> Shape:
        """Return the lengths of the output's spatial axes."""
        axis, windows = self.windows(shape)
        axes = zip(shape[axis + 1 :], *vars(windows).values(), strict=True)
        sizes = [stride * (n - 1) + dilation * (k - 1) + 1 - 2 * pad for n, k, stride, pad, dilation in axes]
        if any(size < 1 for size in sizes):
            raise ShapeError(
                "the output has no size",
                expected="stride (in - 1) + dilation (kernel - 1) + 1 - 2 pad of at least 1 along every spatial axis",
                got=f"{' and '.join(map(str, sizes))}, from a bottom of shape {shape_text(shape)}",
                hint="lower `pad`",
            )
        return tuple(sizes)

    def prepare(self, bottom_shapes: Sequence[Shape]) -> None:
        """Plan the convolution that goes the other way: from the top to the bottom."""
        shape = bottom_shapes[0]
        axis, windows = self.windows(shape)
        sizes = self._sizes(shape)
        self.view = (math.prod(shape[:axis]), self.outputs, math.prod(sizes))
        other_way = (*shape[:axis], self.outputs, *sizes)
        self.products, self.plan = plan_convolution(
            other_way, axis, windows, (shape[axis], self.group), self.params[0].dtype
        )

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Write y."""
        weights = self.params[0].flat_data
        for x, y in zip(bottom, top, strict=True):
            self.products.data_gradient(self.plan, weights, x.flat_data, y.flat_data)
            if self.fields.bias_term:
                bias, view = self.params[1].data, y.data.reshape(self.view)
                scale.transform_channels(view, np.zeros_like(bias), np.ones_like(bias), bias, view)

    def backward(self, top: Sequence[Blob], wanted: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """Write dx; add to dw and dbias."""
        weights = self.params[0].flat_data
        nothing = weights[:0]
        for y, wants, x in zip(top, wanted, bottom, strict=True):
            dy = y.flat_diff
            if self.wanted_params[0]:
                dw = self.params[0].flat_diff
                self.products.weight_gradient(self.plan, dy, x.flat_data, dw, nothing)
            if self.fields.bias_term and self.wanted_params[1]:
                scale.add_sums(y.diff.reshape(self.view), self.params[1].diff)
            if wants:
                self.products.forward(self.plan, dy, weights, nothing, x.flat_diff)
