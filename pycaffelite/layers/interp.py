"""Interp: images resized, corners to corners."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar

from pycaffelite.blob import Blob, Shape
from pycaffelite.errors import FieldError, ShapeError
from pycaffelite.kernels import interp
from pycaffelite.layers.base import Arity, Context, Layer, Layout, shape_text
from pycaffelite.layers.registry import register

_SIZES = ("height", "width", "zoom_factor", "shrink_factor")


@register("Interp")
class Interp(Layer):
    """Resize images by bilinear interpolation, so that the corners of the bottom are the corners of the top.

    y[n,c,i,j] = sum over h, w of max(0, 1 - |a i - h|) max(0, 1 - |b j - w|) x[n,c,h,w]

    a = (H - 1) / (H' - 1) and b = (W - 1) / (W' - 1), with H x W resized to H' x W'; 0 where the divisor is.

    Bottoms: x, N x C x rows x columns; optionally one whose last two axes are the size of the top.
    Tops: y, N x C x H' x W'.
    Params: none.
    Fields: `interp_param`: pad_beg, pad_end (0), not above 0: H and W are without -pad_beg rows and columns at the
        begin and -pad_end at the end. The size of the top is (H - 1) / shrink_factor + 1, rounded down; then
        (H - 1) zoom_factor + 1; of height and width instead if both are given and not exactly one factor is.
    Backward: dx is the transpose of that linear map; what is cut off gets 0. The second bottom gets none.
    Errors: no size, or one beside a second bottom; a factor below 1; pads above 0 or that leave nothing; not four axes.
    Source: the layer of the DeepLab and PSPNet forks.
    """

    arity = Arity(bottoms=(1, 2))
    no_gradient_to: ClassVar[frozenset[int]] = frozenset({1})
    takes_as_given: ClassVar[bool] = True

    def __init__(self, message: Any, context: Context) -> None:
        super().__init__(message, context)
        fields = self.fields = message.interp_param
        given = [name for name in _SIZES if fields.HasField(name)]
        if len(message.bottom) > 1 and given:
            raise FieldError("the second bottom is the size", expected="no size in the fields", got=f"`{given[0]}`")
        self.sized = "height" in given and "width" in given
        self.factors = [name for name in _SIZES[2:] if name in given]
        if len(message.bottom) == 1 and not self.sized and not self.factors:
            raise FieldError(
                "there is no size",
                expected="height and width, zoom_factor, shrink_factor or a second bottom",
                got="none",
            )
        for name in given:
            if getattr(fields, name) < 1:
                raise FieldError(f"{name} is out of range", expected="at least 1", got=str(getattr(fields, name)))
        for name in ("pad_beg", "pad_end"):
            if getattr(fields, name) > 0:
                raise FieldError(f"{name} is out of range", expected="at most 0", got=str(getattr(fields, name)))

    def layout(self, bottom_shapes: Sequence[Shape]) -> Layout:
        """Return the top."""
        for shape in bottom_shapes:
            if len(shape) != 4:
                raise ShapeError(
                    "Interp needs four axes", expected="N x C x H x W", got=f"bottom of shape {shape_text(shape)}"
                )
        used = self._used(bottom_shapes[0])
        if min(used) < 1:
            raise ShapeError(
                "nothing is left to resize",
                expected="at least 1 row and 1 column inside the pads",
                got=f"bottom of shape {shape_text(bottom_shapes[0])}",
            )
        return Layout([(*bottom_shapes[0][:2], *self._size(bottom_shapes, used))])

    def _used(self, shape: Shape) -> Shape:
        """Return rows and columns that are resized."""
        cut = self.fields.pad_beg + self.fields.pad_end
        return shape[2] + cut, shape[3] + cut

    def _size(self, bottom_shapes: Sequence[Shape], used: Shape) -> Shape:
        """Return rows and columns of the top."""
        if len(bottom_shapes) > 1:
            return bottom_shapes[1][2:]
        if self.sized and len(self.factors) != 1:
            return self.fields.height, self.fields.width
        shrunk = [(length - 1) // self.fields.shrink_factor + 1 for length in used]
        return tuple((length - 1) * self.fields.zoom_factor + 1 for length in shrunk)

    def prepare(self, bottom_shapes: Sequence[Shape]) -> None:
        """Keep the shape for the tables, which need the type of the numbers."""
        self.shapes = bottom_shapes
        self.tables: interp.Resizing | None = None

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Write y."""
        interp.resize(bottom[0].flat_data, top[0].flat_data, self._tables(bottom[0]))

    def backward(self, top: Sequence[Blob], wanted: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """Write dx."""
        if wanted[0]:
            interp.spread_back(top[0].flat_diff, bottom[0].flat_diff, self._tables(bottom[0]))

    def _tables(self, blob: Blob) -> interp.Resizing:
        if self.tables is None:
            rows, columns = self._used(blob.shape)
            height, width = self._size(self.shapes, (rows, columns))
            begin = -self.fields.pad_beg
            self.tables = interp.resizing(
                math.prod(blob.shape[:2]), blob.shape[2:], (begin, begin, rows, columns), (height, width), blob.dtype
            )
        return self.tables
