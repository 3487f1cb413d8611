"""Sum, product or maximum of bottoms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from pycaffelite.blob import Array, Blob, Shape
from pycaffelite.errors import FieldError, ShapeError
from pycaffelite.kernels import eltwise
from pycaffelite.layers.base import Arity, Context, Layer, Layout, shape_text
from pycaffelite.layers.registry import register


@register("Eltwise")
class Eltwise(Layer):
    """Combine bottoms of one shape, element by element.

    SUM: y_i = Σ_b coeff_b x_b,i. PROD: y_i = Π_b x_b,i. MAX: y_i = max_b x_b,i.

    Bottoms: two or more, of one shape.
    Tops: y, the same shape; may be the first bottom.
    Params: none.
    Fields: `eltwise_param { operation coeff stable_prod_grad }`: SUM, ones and true by default.
    Backward: SUM: dx_b = coeff_b dy. PROD: dx_b = dy Π_{k≠b} x_k, or dy y / x_b if `stable_prod_grad` is false. MAX:
    dy goes to the bottom with the maximum; a tie of the first two goes to the second, and a later bottom only wins if
    it is strictly larger.
    Errors: FieldError for coefficients with PROD or for too many or too few; ShapeError if the shapes differ.
    Source: Caffe's EltwiseLayer, where a SUM in place loses its first bottom; here every operation works in place.
    """

    arity: ClassVar[Arity] = Arity(bottoms=(2, None), in_place=True)

    def __init__(self, message: Any, context: Context) -> None:
        super().__init__(message, context)
        param = message.eltwise_param
        self.operation: str = param.EltwiseOp.Name(param.operation)
        self.stable: bool = param.stable_prod_grad
        given, bottoms = len(param.coeff), len(message.bottom)
        if given and self.operation == "PROD":
            raise FieldError(
                "a product takes no coefficients", expected="`coeff` only with SUM", got=f"{given} with PROD"
            )
        if given not in (0, bottoms):
            raise FieldError(
                "the number of coefficients does not fit",
                expected=f"no `coeff` or {bottoms}, one for each bottom",
                got=str(given),
            )
        self.coefficients: list[float] = list(param.coeff) or [1.0] * bottoms
        # In place, the product's backward pass needs what its forward pass overwrites.
        self.keeps_first = self.operation == "PROD" and list(message.bottom[:1]) == list(message.top[:1])

    def layout(self, bottom_shapes: Sequence[Shape]) -> Layout:
        """Return a top of the common shape."""
        shape = bottom_shapes[0]
        for i, other in enumerate(bottom_shapes):
            if other != shape:
                raise ShapeError(
                    "the bottoms differ in shape",
                    expected=f"shape {shape_text(shape)}, as bottom 0 has",
                    got=f"bottom {i} of shape {shape_text(other)}",
                )
        buffers: dict[str, tuple[Shape, Any]] = {}
        if self.operation == "MAX":
            buffers["winner"] = (shape, np.int32)
        if self.keeps_first:
            buffers["first"] = (shape, None)
        return Layout([shape], buffers=buffers)

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Write the combination."""
        inputs, y = [blob.flat_data for blob in bottom], top[0].flat_data
        if self.keeps_first:
            self.buffers["first"][...] = bottom[0].data
        if self.operation == "SUM":
            self._sum(inputs, y)
        elif self.operation == "PROD":
            eltwise.product(inputs[0], inputs[1], y)
            for x in inputs[2:]:
                eltwise.product(y, x, y)
        else:
            winner = self.buffers["winner"].reshape(-1)
            eltwise.maximum_of_two(inputs[0], inputs[1], y, winner)
            for i, x in enumerate(inputs[2:], start=2):
                eltwise.maximum_of_next(x, i, y, winner)

    def can_fuse(self, axis: int | None) -> bool:
        """Return whether a sum is to be rectified."""
        return self.operation == "SUM" and axis is None

    def forward_fused(
        self, bottom: Sequence[Blob], top: Sequence[Blob], scale: Array, shift: Array, slope: float | None = None
    ) -> None:
        """Write the rectified sum; there is no scale and no shift."""
        self._sum([blob.flat_data for blob in bottom], top[0].flat_data, slope)

    def _sum(self, inputs: Sequence[Array], y: Array, slope: float | None = None) -> None:
        """Add up, and rectify with the last."""
        total, weight = inputs[0], self.coefficients[0]
        for i, (x, coefficient) in enumerate(zip(inputs[1:], self.coefficients[1:], strict=True), start=2):
            if i == len(inputs) and slope is not None:
                eltwise.add_rectified(total, weight, x, coefficient, y, slope)
            else:
                eltwise.weighted_sum(total, weight, x, coefficient, y)
            total, weight = y, 1.0

    def backward(self, top: Sequence[Blob], wanted: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """Write the diffs of the bottoms, the first last: in place, it is where the top's diff stands."""
        dy = top[0].flat_diff
        for i in (i for i in reversed(range(len(bottom))) if wanted[i]):
            dx = bottom[i].flat_diff
            if self.operation == "SUM":
                eltwise.scale(dy, self.coefficients[i], dx)
            elif self.operation == "MAX":
                eltwise.where_winner(dy, self.buffers["winner"].reshape(-1), i, dx)
            else:
                self._backward_of_product(top[0].flat_data, dy, i, dx, bottom)

    def _backward_of_product(self, y: Array, dy: Array, i: int, dx: Array, bottom: Sequence[Blob]) -> None:
        """Write the diff of bottom i of a product."""
        inputs = [blob.flat_data for blob in bottom]
        if self.keeps_first:
            inputs[0] = self.buffers["first"].reshape(-1)
        if not self.stable:
            eltwise.scaled_ratio(y, inputs[i], dy, dx)
            return
        others = inputs[:i] + inputs[i + 1 :]
        eltwise.product(dy, others[0], dx)
        for x in others[1:]:
            eltwise.product(dx, x, dx)
