"""A power of a linear function."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from pycaffelite.blob import Array, Blob, Shape
from pycaffelite.kernels import eltwise, power
from pycaffelite.layers.base import Arity, Context, Layer, Layout
from pycaffelite.layers.registry import register


@register("Power")
class Power(Layer):
    """Shift, scale and take a power of each element.

    y_i = (shift + scale x_i)^power.

    Bottoms: x, any shape.
    Tops: y, the same shape; may be the bottom.
    Params: none.
    Fields: `power_param { power scale shift }`, 1, 1 and 0 by default.
    Backward: dx_i = power scale (shift + scale x_i)^(power - 1) dy_i.
    Errors: none.
    Source: Caffe's PowerLayer: the smaller power is taken as a quotient, so dx is NaN where shift + scale x is 0 and
    power is neither 1 nor 2. In place the reference has wrong gradients, this layer right ones.
    """

    arity: ClassVar[Arity] = Arity(in_place=True)

    def __init__(self, message: Any, context: Context) -> None:
        super().__init__(message, context)
        param = message.power_param
        self.power: float = param.power
        self.scale: float = param.scale
        self.shift: float = param.shift
        self.linear = self.power * self.scale == 0 or self.power == 1
        # In place, the backward pass of a curve needs what its forward pass overwrites.
        self.keeps_bottom = not self.linear and list(message.bottom[:1]) == list(message.top[:1])

    def layout(self, bottom_shapes: Sequence[Shape]) -> Layout:
        """Return a top of the bottom's shape."""
        shape = bottom_shapes[0]
        return Layout([shape], buffers={"bottom": (shape, None)} if self.keeps_bottom else {})

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Write the powers."""
        if self.keeps_bottom:
            self.buffers["bottom"][...] = bottom[0].data
        power.forward(bottom[0].flat_data, self.power, self.scale, self.shift, top[0].flat_data)

    def backward(self, top: Sequence[Blob], wanted: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """Write the diff of the bottom."""
        if not wanted[0]:
            return
        dy, dx = top[0].flat_diff, bottom[0].flat_diff
        if self.linear:
            eltwise.scale(dy, self.power * self.scale, dx)
            return
        x: Array = self.buffers["bottom"] if self.keeps_bottom else bottom[0].data
        power.backward(x.reshape(-1), top[0].flat_data, dy, self.power, self.scale, self.shift, dx)
