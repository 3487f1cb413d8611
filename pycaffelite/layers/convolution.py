"""Convolution: learned filters slid over an image."""

from __future__ import annotations

from typing import Any

from pycaffelite.layers.base import Context
from pycaffelite.layers.convolving import Convolving
from pycaffelite.layers.registry import register
from pycaffelite.layers.sliding import outputs_and_groups


@register("Convolution")
class Convolution(Convolving):
    """Slide filters over the input; each output channel is the response to one of them.

    y[n,o,p] = bias[o] + sum over c, k of w[o,c,k] x[n, c, stride p + dilation k - pad], with x 0 outside

    Here p and k run over all spatial axes; with groups, o and c run over the channels of one group.

    Bottoms: one or more of the same shape N... x C x spatial axes (any number of them).
    Tops: for each bottom, N... x num_output x output sizes, (in + 2 pad - dilation (k - 1) - 1) / stride + 1, the
        quotient rounded towards 0: a window that is too large by less than a stride has one place, as in Caffe, and
        what it sees beyond the padding is 0.
    Params: w, num_output x C / group x kernel sizes; bias, num_output, if bias_term.
    Fields: `convolution_param`: num_output; kernel_size, stride (1), pad (0), dilation (1), each once or once for every
        spatial axis, the first three also as _h and _w; group (1); bias_term (true); axis (1), that of the channels;
        weight_filler, bias_filler; engine and force_nd_im2col (ignored). With dilation 0 all weights of a filter see
        one place, as in Caffe.
    Backward: dx is the sum of what each output sends back through its filter; dw and dbias are added to, for all
        pairs of bottom and top.
    Errors: num_output, kernel or stride missing or 0; a size in both forms; channels or num_output not divisible by
        group; a kernel that has no place on its padded input; bottoms of different shapes.
    Source: LeCun et al., Gradient-Based Learning Applied to Document Recognition, 1998; groups: Krizhevsky, 2012.
    """

    def __init__(self, message: Any, context: Context) -> None:
        super().__init__(message, context)
        self.outputs, self.group = outputs_and_groups(self.fields)

    def counts(self, channels: int) -> tuple[int, int]:
        """Return num_output and group."""
        return self.outputs, self.group
