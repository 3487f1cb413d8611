"""Reorg: pieces of an image become channels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pycaffelite.blob import Array, Blob, Shape
from pycaffelite.errors import FieldError, ShapeError
from pycaffelite.kernels.permute import permute
from pycaffelite.layers.base import Context, Layer, Layout, shape_text
from pycaffelite.layers.registry import register
from pycaffelite.layers.windows import LARGEST

_TO_CHANNELS = (0, 3, 5, 1, 2, 4)  # of N x C/s^2 x H x s x W x s
_TO_PIECES = (0, 3, 4, 1, 5, 2)  # of N x s x s x C/s^2 x H x W


@register("Reorg")
class Reorg(Layer):
    """Make channels of the places in pieces of stride x stride, or, in reverse, pieces of channels.

    In reverse: y[n, c, h s + i, w s + j] = x[n, (i s + j) C/s^2 + c, h, w]. Forward undoes that, but reads memory as
    if it held N x C/s^2 x H s x W s numbers, and writes it as if it held N x C x H x W; shapes are given afterwards.

    Bottoms: x, N x C x H x W; s^2 divides C, and without reverse s divides H and W.
    Tops: y, N x C s^2 x H/s x W/s; in reverse N x C/s^2 x H s x W s.
    Params: none.
    Fields: `reorg_param`: stride, s; reverse (false).
    Backward: dx is dy put back.
    Errors: no stride; not four axes; lengths that s does not divide.
    Source: Redmon and Farhadi, YOLO9000, 2016. The odd order is darknet's, which weights were trained with; the forks'
        gradient is not that of their forward pass, this one is.
    """

    def __init__(self, message: Any, context: Context) -> None:
        super().__init__(message, context)
        fields = message.reorg_param
        self.stride: int = fields.stride
        self.reverse: bool = fields.reverse
        if not 1 <= self.stride <= LARGEST:
            raise FieldError("stride is missing or 0", expected="stride of at least 1", got=str(self.stride))
        self.apart: Shape = ()
        self.together: Shape = ()

    def layout(self, bottom_shapes: Sequence[Shape]) -> Layout:
        """Return the top."""
        shape, s = bottom_shapes[0], self.stride
        fits = len(shape) == 4 and shape[1] % s**2 == 0
        if not fits or (not self.reverse and (shape[2] % s or shape[3] % s)):
            raise ShapeError(
                "the stride does not fit the image",
                expected=f"N x C x H x W, C divided by {s**2}" + ("" if self.reverse else f", H and W by {s}"),
                got=f"bottom of shape {shape_text(shape)}",
            )
        n, c, h, w = shape
        return Layout([(n, c // s**2, h * s, w * s) if self.reverse else (n, c * s**2, h // s, w // s)])

    def prepare(self, bottom_shapes: Sequence[Shape]) -> None:
        """Find the shapes that memory is read and written in."""
        (n, c, h, w), s = bottom_shapes[0], self.stride
        self.together = (n, c // s**2, h, s, w, s)
        self.apart = (n, s, s, c // s**2, h, w)

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Write y."""
        self._move(bottom[0].data, self.reverse, top[0].data)

    def backward(self, top: Sequence[Blob], wanted: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """Write dx."""
        if wanted[0]:
            self._move(top[0].diff, not self.reverse, bottom[0].diff)

    def _move(self, source: Array, reverse: bool, target: Array) -> None:
        if reverse:
            permute(source.reshape(self.apart), _TO_PIECES, target.reshape(self.together))
        else:
            permute(source.reshape(self.together), _TO_CHANNELS, target.reshape(self.apart))
