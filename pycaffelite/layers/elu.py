"""ELU: exponential linear units."""

from __future__ import annotations

from typing import Any

from pycaffelite.blob import Array
from pycaffelite.kernels import bends
from pycaffelite.layers.base import Context
from pycaffelite.layers.pointwise import PointwiseLayer
from pycaffelite.layers.registry import register


@register("ELU")
class ELU(PointwiseLayer):
    """Let positive numbers pass, and bend the others towards a least value.

    y[i] = x[i] where x[i] > 0, else alpha (exp(x[i]) - 1)

    Bottoms: x, any shape.
    Tops: y, the shape of x; may be x itself.
    Params: none.
    Fields: `elu_param { alpha }`, 1 by default.
    Backward: dx[i] = dy[i] where x[i] > 0, else dy[i] alpha exp(x[i]).
    Errors: none of its own.
    Source: Clevert, Unterthiner and Hochreiter, Fast and accurate deep network learning by exponential linear units
    (2016), as in Caffe's ELULayer.
    """

    def __init__(self, message: Any, context: Context) -> None:
        super().__init__(message, context)
        self.alpha: float = message.elu_param.alpha

    def bend(self, x: Array, y: Array, slopes: Array) -> None:
        """Write y and its slopes."""
        bends.elu(x, self.alpha, y, slopes)
