"""Log: logarithms."""

from __future__ import annotations

from typing import Any

import numpy as np

from pycaffelite.blob import Array
from pycaffelite.errors import FieldError
from pycaffelite.layers.base import Context
from pycaffelite.layers.logarithm_base import natural_logarithm
from pycaffelite.layers.pointwise import PointwiseLayer
from pycaffelite.layers.registry import register


@register("Log")
class Log(PointwiseLayer):
    """Take the logarithm of a linear function of each element.

    y[i] = ln(shift + scale x[i]) / ln(base)

    Bottoms: x, any shape.
    Tops: y, the shape of x; may be x itself.
    Params: none.
    Fields: `log_param { base scale shift }`, -1 (which stands for e), 1 and 0 by default.
    Backward: dx[i] = dy[i] scale / (ln(base) (shift + scale x[i])).
    Errors: FieldError for a base of 1, or one that is not positive, but for -1.
    Source: Caffe's LogLayer. Of 0 the logarithm is minus infinity, of less NaN. In place the reference has wrong
    gradients, this layer right ones.
    """

    def __init__(self, message: Any, context: Context) -> None:
        super().__init__(message, context)
        param = message.log_param
        logarithm = natural_logarithm(param.base)
        if logarithm == 0:
            raise FieldError("there is no logarithm to base 1", expected="another base, or -1 for e", got="base 1")
        self.scale: float = param.scale
        self.shift: float = param.shift
        self.outer = 1 / logarithm

    def bend(self, x: Array, y: Array, slopes: Array) -> None:
        """Write y and its slopes."""
        with np.errstate(divide="ignore", invalid="ignore", over="ignore", under="ignore"):
            np.multiply(x, self.scale, out=y)
            np.add(y, self.shift, out=y)
            np.divide(self.scale * self.outer, y, out=slopes)
            np.log(y, out=y)
            np.multiply(y, self.outer, out=y)
