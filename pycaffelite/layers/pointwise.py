"""The family of layers that bend numbers one by one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from pycaffelite.blob import Array, Blob, Shape
from pycaffelite.kernels import eltwise
from pycaffelite.layers.base import Arity, Layer, Layout


class PointwiseLayer(Layer):
    """Base of layers with y_i = f(x_i). The forward pass keeps f'(x_i), so x and y may be overwritten afterwards."""

    arity: ClassVar[Arity] = Arity(in_place=True)

    def layout(self, bottom_shapes: Sequence[Shape]) -> Layout:
        """Return one top like the bottom, and room for the slopes."""
        return Layout([bottom_shapes[0]], buffers={"slopes": (bottom_shapes[0], None)})

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Write y."""
        self.bend(bottom[0].flat_data, top[0].flat_data, self.buffers["slopes"].reshape(-1))

    def backward(self, top: Sequence[Blob], wanted: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """Write dx."""
        if wanted[0]:
            slopes = self.buffers["slopes"].reshape(-1)
            eltwise.product(slopes, top[0].flat_diff, bottom[0].flat_diff)

    def bend(self, x: Array, y: Array, slopes: Array) -> None:
        """Write y_i = f(x_i) and slopes_i = f'(x_i); all flat, x and y may be one array."""
        raise NotImplementedError
