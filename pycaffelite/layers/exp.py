"""Exp: a base to the power of each element."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from pycaffelite.blob import Array
from pycaffelite.layers.base import Context
from pycaffelite.layers.logarithm_base import natural_logarithm
from pycaffelite.layers.pointwise import PointwiseLayer
from pycaffelite.layers.registry import register


@register("Exp")
class Exp(PointwiseLayer):
    """Take a base to the power of a linear function of each element.

    y[i] = base^(shift + scale x[i])

    Bottoms: x, any shape.
    Tops: y, the shape of x; may be x itself.
    Params: none.
    Fields: `exp_param { base scale shift }`, -1 (which stands for e), 1 and 0 by default.
    Backward: dx[i] = dy[i] y[i] scale ln(base).
    Errors: FieldError for a base that is not positive, but for -1.
    Source: Caffe's ExpLayer.
    """

    def __init__(self, message: Any, context: Context) -> None:
        super().__init__(message, context)
        param = message.exp_param
        logarithm = natural_logarithm(param.base)
        self.inner = logarithm * param.scale
        self.outer = math.exp(logarithm * param.shift)

    def bend(self, x: Array, y: Array, slopes: Array) -> None:
        """Write y and its slopes."""
        with np.errstate(over="ignore", under="ignore", invalid="ignore"):
            np.multiply(x, self.inner, out=y)
            np.exp(y, out=y)
            np.multiply(y, self.outer, out=y)
            np.multiply(y, self.inner, out=slopes)
