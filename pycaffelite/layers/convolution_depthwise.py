"""ConvolutionDepthwise: one filter for each channel."""

from __future__ import annotations

from pycaffelite.layers.convolving import Convolving
from pycaffelite.layers.registry import register


@register("ConvolutionDepthwise")
class ConvolutionDepthwise(Convolving):
    """Slide one filter over each channel of the input.

    y[n,c,p] = bias[c] + sum over k of w[c,0,k] x[n, c, stride p + dilation k - pad], with x 0 outside

    Bottoms: one or more of the same shape N... x C x spatial axes (any number of them).
    Tops: for each bottom, N... x C x output sizes, as of Convolution.
    Params: w, C x 1 x kernel sizes; bias, C, if bias_term.
    Fields: `convolution_param`, as of Convolution; num_output and group are ignored: both are C.
    Backward: as of Convolution.
    Errors: those of Convolution, of kernels that are missing or do not fit.
    Source: a layer of MobileNet and ShuffleNet forks. It is a Convolution with a group for each channel.
    """

    def counts(self, channels: int) -> tuple[int, int]:
        """Return an output and a group for each channel."""
        return channels, max(channels, 1)
