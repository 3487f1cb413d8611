"""Swish: numbers times their own logistic function."""

from __future__ import annotations

from typing import Any

from pycaffelite.blob import Array
from pycaffelite.kernels import bends
from pycaffelite.layers.base import Context
from pycaffelite.layers.pointwise import PointwiseLayer
from pycaffelite.layers.registry import register


@register("Swish")
class Swish(PointwiseLayer):
    """Multiply each element by its logistic function.

    y[i] = x[i] s[i], s[i] = 1 / (1 + exp(-beta x[i]))

    Bottoms: x, any shape.
    Tops: y, the shape of x; may be x itself.
    Params: none.
    Fields: `swish_param { beta }`, 1 by default.
    Backward: dx[i] = dy[i] (beta y[i] + s[i] (1 - beta y[i])).
    Errors: none of its own.
    Source: Ramachandran, Zoph and Le, Searching for activation functions (2017), as in Caffe's SwishLayer.
    """

    def __init__(self, message: Any, context: Context) -> None:
        super().__init__(message, context)
        self.beta: float = message.swish_param.beta

    def bend(self, x: Array, y: Array, slopes: Array) -> None:
        """Write y and its slopes."""
        bends.swish(x, self.beta, y, slopes)
