"""Upsample: the way back from a MAX pooling."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar

from pycaffelite.blob import Array, Blob, Shape
from pycaffelite.errors import DataError, FieldError, ShapeError
from pycaffelite.kernels import upsample
from pycaffelite.layers.base import Arity, Context, Layer, Layout, shape_text
from pycaffelite.layers.registry import register
from pycaffelite.layers.windows import LARGEST


@register("Upsample")
class Upsample(Layer):
    """Put each number back where a MAX pooling found it, and zeros elsewhere; without its mask, repeat each number.

    y[n,c,mask[n,c,i]] = x[n,c,i], 0 at all other places; of numbers for the same place the last counts.
    One bottom: y[n,c,h,w] = x[n, c, h / scale_h rounded down, w / scale_w rounded down].

    Bottoms: x, N x C x H x W; mask, the same shape: the second top of Pooling, row-major places of the top.
    Tops: y, N x C x H' x W'.
    Params: none.
    Fields: `upsample_param`: upsample_h and upsample_w, which are H' and W'; else scale (2), or scale_h and scale_w:
        H' = H scale_h, less 1 with pad_out_h, so W'. Those need a scale of 2, and a mask.
    Backward: dx[n,c,i] = dy[n,c,mask[n,c,i]]; without a mask the sum of dy over what was repeated. The mask gets none.
    Errors: fields of two forms; a scale or size below 2 (without a mask below 1); a padding with another scale; x and
        mask of different shapes or without four axes; a place in the mask beyond the top.
    Source: the layer of the SegNet fork; with one bottom, of the MobileNet-YOLO fork.
    """

    arity = Arity(bottoms=(1, 2))
    no_gradient_to: ClassVar[frozenset[int]] = frozenset({1})
    takes_as_given: ClassVar[bool] = True

    def __init__(self, message: Any, context: Context) -> None:
        super().__init__(message, context)
        fields = message.upsample_param
        masked = len(message.bottom) > 1
        self.size = _pair(fields, ("upsample_h", "upsample_w"))
        scales = _pair(fields, ("scale_h", "scale_w"))
        if scales and fields.HasField("scale"):
            raise FieldError("scale is given twice", expected="`scale`, or `scale_h` and `scale_w`", got="both forms")
        self.scale = scales or (int(fields.scale), int(fields.scale))
        least = 2 if masked else 1
        for what, values in (("size", self.size), ("scale", self.scale)):
            if values and not least <= min(values) <= max(values) <= LARGEST:
                raise FieldError(f"{what} is out of range", expected=f"at least {least}", got=f"{min(values)}")
        self.less = int(fields.pad_out_h), int(fields.pad_out_w)
        if not self.size and any(less and scale != 2 for less, scale in zip(self.less, self.scale, strict=True)):
            raise FieldError("pad_out needs a scale of 2", expected="scale 2", got=f"scale {self.scale}")
        if not masked and (self.size or any(self.less)):
            raise FieldError("without a mask there is only a scale", expected="`scale`", got="a size or a padding")

    def layout(self, bottom_shapes: Sequence[Shape]) -> Layout:
        """Return the top."""
        shape = bottom_shapes[0]
        if len(shape) != 4:
            raise ShapeError(
                "Upsample needs four axes", expected="N x C x H x W", got=f"bottom of shape {shape_text(shape)}"
            )
        if bottom_shapes[-1] != shape:
            raise ShapeError(
                "the mask is not that of the bottom",
                expected=f"shape {shape_text(shape)}",
                got=f"shape {shape_text(bottom_shapes[-1])}",
            )
        size = self.size or tuple(
            length * scale - less for length, scale, less in zip(shape[2:], self.scale, self.less, strict=True)
        )
        return Layout([(*shape[:2], *size)])

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Write y."""
        x, y = bottom[0].data, top[0].data
        if len(bottom) == 1:
            upsample.repeat(_planes(x), _planes(y))
            return
        mask = bottom[1].flat_data
        places = math.prod(y.shape[2:])
        if mask.size and not 0 <= mask.min() <= mask.max() < places:
            raise DataError(
                "the mask points beyond the top",
                expected=f"places from 0 to {places - 1}, in a top of shape {shape_text(y.shape)}",
                got=f"places from {mask.min():g} to {mask.max():g}",
                hint="write `upsample_h` and `upsample_w`: the size of what the Pooling layer reads",
            )
        if y.size:
            upsample.scatter(x.reshape(-1), mask, y.reshape(-1), math.prod(x.shape[:2]))

    def backward(self, top: Sequence[Blob], wanted: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """Write dx."""
        if not wanted[0]:
            return
        dy, dx = top[0].diff, bottom[0].diff
        if len(bottom) == 1:
            upsample.add_up(_planes(dy), _planes(dx))
        elif dx.size:
            mask = bottom[1].flat_data
            upsample.gather(dy.reshape(-1), mask, dx.reshape(-1), math.prod(dx.shape[:2]))


def _planes(array: Array) -> Array:
    """Return images as one batch of planes."""
    return array.reshape(-1, *array.shape[2:])


def _pair(fields: Any, names: tuple[str, str]) -> tuple[int, int] | None:
    """Return the values of two fields that go together, None if neither is there."""
    present = [fields.HasField(name) for name in names]
    if not any(present):
        return None
    if not all(present):
        raise FieldError(
            f"{names[0][:-2]} is incomplete",
            expected=f"both `{names[0]}` and `{names[1]}`",
            got=f"`{names[0] if present[0] else names[1]}` alone",
        )
    return int(getattr(fields, names[0])), int(getattr(fields, names[1]))
