"""Reduction: sums over the last axes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from pycaffelite.blob import Blob, Shape
from pycaffelite.kernels import reduction
from pycaffelite.layers.base import Context, Layer, Layout, canonical_axis
from pycaffelite.layers.registry import register


@register("Reduction")
class Reduction(Layer):
    """Make one number of all that lies behind the first axes.

    y[n] = coeff * sum over d of f(x[n,d]), where f(x) is x (SUM), |x| (ASUM), x^2 (SUMSQ), or x / D (MEAN).

    n counts the axes before `axis`, d that axis and those behind it, of D elements.

    Bottoms: x, any shape.
    Tops: y, the axes of x before `axis`; a single number for axis 0.
    Params: none.
    Fields: `reduction_param`: operation (SUM), axis (0), negative from the back, coeff (1).
    Backward: dx[n,d] = coeff dy[n] f'(x[n,d]), where the derivative of |x| at 0 is 0.
    Errors: ShapeError for an axis that x does not have.
    Source: Caffe's ReductionLayer.
    """

    def __init__(self, message: Any, context: Context) -> None:
        super().__init__(message, context)
        self.fields = message.reduction_param
        self.operation: str = self.fields.ReductionOp.Name(self.fields.operation)
        self.rows, self.depth = 0, 0
        self.coeff = 1.0

    def layout(self, bottom_shapes: Sequence[Shape]) -> Layout:
        """Return the axes that stay, and room for the factors of the backward pass."""
        shape = bottom_shapes[0][: canonical_axis(self.fields.axis, bottom_shapes[0])]
        return Layout([shape], buffers={"factors": ((math.prod(shape), 1), None)})

    def prepare(self, bottom_shapes: Sequence[Shape]) -> None:
        """Count rows and their elements."""
        shape = bottom_shapes[0]
        axis = canonical_axis(self.fields.axis, shape)
        self.rows, self.depth = math.prod(shape[:axis]), math.prod(shape[axis:])
        self.coeff = self.fields.coeff / (max(1, self.depth) if self.operation == "MEAN" else 1)

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Write y."""
        of = {"ASUM": reduction.absolute_sums, "SUMSQ": reduction.square_sums}.get(self.operation, reduction.sums)
        of(bottom[0].data.reshape(self.rows, self.depth), self.coeff, top[0].flat_data)

    def backward(self, top: Sequence[Blob], wanted: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """Write dx."""
        if not wanted[0]:
            return
        x, dx = (array.reshape(self.rows, self.depth) for array in (bottom[0].data, bottom[0].diff))
        factors = self.buffers["factors"]
        np.multiply(top[0].diff.reshape(-1, 1), self.coeff, out=factors)
        if self.operation == "ASUM":
            np.sign(x, out=dx)
            np.multiply(dx, factors, out=dx)
        elif self.operation == "SUMSQ":
            np.add(factors, factors, out=factors)
            np.multiply(x, factors, out=dx)
        else:
            dx[...] = factors
