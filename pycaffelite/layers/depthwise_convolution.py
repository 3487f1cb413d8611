"""DepthwiseConvolution: filters that see one channel each."""

from __future__ import annotations

from typing import Any

from pycaffelite.errors import ShapeError
from pycaffelite.layers.base import Context
from pycaffelite.layers.convolving import Convolving
from pycaffelite.layers.registry import register
from pycaffelite.layers.sliding import outputs_and_groups


@register("DepthwiseConvolution")
class DepthwiseConvolution(Convolving):
    """Slide filters over the channels of the input, each over a channel of its own.

    y[n,o,p] = bias[o] + sum over k of w[o,0,k] x[n, c, stride p + dilation k - pad], with x 0 outside

    Here o = (c, m), where m counts the num_output / C filters of a channel.

    Bottoms: one or more of the same shape N... x C x spatial axes (any number of them).
    Tops: for each bottom, N... x num_output x output sizes, as of Convolution.
    Params: w, num_output x 1 x kernel sizes; bias, num_output, if bias_term.
    Fields: `convolution_param`, as of Convolution; group (C). With a group that is not C it is a Convolution, as the
        fork's on a processor.
    Backward: as of Convolution.
    Errors: num_output is no multiple of the groups; those of Convolution.
    Source: a layer of MobileNet forks, for whose sake Caffe's grouped convolution was slow. It is a Convolution with a
        group for each channel, which is quick here.
    """

    def __init__(self, message: Any, context: Context) -> None:
        super().__init__(message, context)
        self.outputs, group = outputs_and_groups(self.fields)
        self.group = group if self.fields.HasField("group") else None

    def counts(self, channels: int) -> tuple[int, int]:
        """Return num_output, and group or a group for each channel."""
        group = self.group or max(channels, 1)
        if self.outputs % group:
            raise ShapeError(
                "num_output is not divisible by the channels",
                expected=f"a multiple of {group}",
                got=f"num_output {self.outputs}",
            )
        return self.outputs, group
