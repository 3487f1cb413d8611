"""Convolution3D: learned filters slid over a video."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pycaffelite.blob import Shape
from pycaffelite.errors import ShapeError
from pycaffelite.layers.base import Arity, Context, Layout, ParamLayout, shape_text
from pycaffelite.layers.convolved import Convolved
from pycaffelite.layers.registry import register
from pycaffelite.layers.sliding import plan_convolution
from pycaffelite.layers.windows import Windows, positive, positive_output, slide


@register("Convolution3D")
class Convolution3D(Convolved):
    """Slide filters over the frames of a video; each output channel is the response to one of them.

    y[n,o,p] = bias[o] + sum over c, k of w[o,c,k] x[n, c, stride p + k - pad], with x 0 outside

    Here p and k run over frames, height and width.

    Bottoms: x, N x C x L x H x W, L frames.
    Tops: y, N x num_output x output sizes, as of Convolution.
    Params: w, num_output x C x kernel_depth x kernel_size x kernel_size; bias, 1 x 1 x 1 x 1 x num_output,
        if bias_term.
    Fields: `convolution3d_param`: num_output; kernel_size, stride (1), pad (0), of height and width; kernel_depth,
        temporal_stride (1), temporal_pad (0), of frames; bias_term (true); weight_filler, bias_filler; group and
        filter_group (ignored: the fork only cuts its work in pieces).
    Backward: dx is the sum of what each output sends back through its filter; dw and dbias are added to.
    Errors: num_output, kernel_size or kernel_depth missing or 0, a stride of 0; not five axes; a kernel that has no
        place on its padded input.
    Source: Tran et al., Learning Spatiotemporal Features with 3D Convolutional Networks, 2015: the C3D fork.
    """

    arity = Arity()

    def __init__(self, message: Any, context: Context) -> None:
        super().__init__(message, context)
        fields = self.fields = message.convolution3d_param
        self.outputs = positive_output(fields, "convolution3d_param")
        size, stride, pad = positive(fields, "kernel_size"), positive(fields, "stride"), int(fields.pad)
        kernel = (positive(fields, "kernel_depth"), size, size)
        strides = (positive(fields, "temporal_stride"), stride, stride)
        self.windows = Windows(kernel, strides, (int(fields.temporal_pad), pad, pad), (1, 1, 1))

    def layout(self, bottom_shapes: Sequence[Shape]) -> Layout:
        """Return the top, the filters and the bias."""
        shape = bottom_shapes[0]
        if len(shape) != 5:
            raise ShapeError(
                "Convolution3D needs five axes",
                expected="N x C x L x H x W",
                got=f"bottom of shape {shape_text(shape)}",
            )
        params = [ParamLayout((self.outputs, shape[1], *self.windows.kernel), self.fields.weight_filler)]
        if self.fields.bias_term:
            params.append(ParamLayout((1, 1, 1, 1, self.outputs), self.fields.bias_filler))
        return Layout([(shape[0], self.outputs, *slide(shape[2:], self.windows, shape))], params)

    def prepare(self, bottom_shapes: Sequence[Shape]) -> None:
        """Plan the products."""
        shape = bottom_shapes[0]
        self.products, self.plan = plan_convolution(shape, 1, self.windows, (self.outputs, 1), self.params[0].dtype)

    def can_fuse(self, axis: int | None) -> bool:
        """Return whether the axis is that of the channels."""
        return axis in (None, 1)
