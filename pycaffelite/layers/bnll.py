"""BNLL: the binomial normal log likelihood."""

from __future__ import annotations

from pycaffelite.blob import Array
from pycaffelite.kernels import bends
from pycaffelite.layers.pointwise import PointwiseLayer
from pycaffelite.layers.registry import register


@register("BNLL")
class BNLL(PointwiseLayer):
    """Bend numbers smoothly so that all become positive.

    y[i] = ln(1 + exp(x[i]))

    Bottoms: x, any shape.
    Tops: y, the shape of x; may be x itself.
    Params: none.
    Fields: none.
    Backward: dx[i] = dy[i] / (1 + exp(-min(x[i], 50))).
    Errors: none of its own.
    Source: the binomial normal log likelihood, known as softplus, as in Caffe's BNLLLayer. In place the reference has
    wrong gradients, this layer right ones.
    """

    def bend(self, x: Array, y: Array, slopes: Array) -> None:
        """Write y and its slopes."""
        bends.bnll(x, y, slopes)
