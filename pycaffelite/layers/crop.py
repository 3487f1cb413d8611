"""Crop: the first bottom cut to the size of the second."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from pycaffelite.blob import Blob, Shape
from pycaffelite.errors import ShapeError
from pycaffelite.layers.base import Arity, Context, Layer, Layout, canonical_axis, shape_text
from pycaffelite.layers.registry import register


@register("Crop")
class Crop(Layer):
    """Cut from the first bottom a piece of the second bottom's size.

    y[i, j, ...] = x[offset_0 + i, offset_1 + j, ...], where axes before `axis` have offset 0 and stay whole.

    Bottoms: x, any shape; reference, whose axes from `axis` on give the lengths, and whose numbers do not matter.
    Tops: y, the shape of x before `axis`, that of the reference from there on.
    Params: none.
    Fields: `crop_param`: axis (2), negative from the back; offset, one for all axes that are cut or one for each (0).
    Backward: dx is dy where x was taken, and 0 elsewhere; that of the reference is 0.
    Errors: ShapeError for a wrong axis, a wrong number of offsets, or a piece that reaches beyond x.
    Source: Caffe's CropLayer.
    """

    arity: ClassVar[Arity] = Arity(bottoms=(2, 2))

    def __init__(self, message: Any, context: Context) -> None:
        super().__init__(message, context)
        self.axis: int = message.crop_param.axis
        self.offsets: list[int] = list(message.crop_param.offset)
        self.piece: tuple[slice, ...] = ()

    def layout(self, bottom_shapes: Sequence[Shape]) -> Layout:
        """Return the shape of the piece."""
        return Layout([tuple(part.stop - part.start for part in self._piece(bottom_shapes))])

    def prepare(self, bottom_shapes: Sequence[Shape]) -> None:
        """Find the piece."""
        self.piece = self._piece(bottom_shapes)

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Write y."""
        top[0].data[...] = bottom[0].data[self.piece]

    def backward(self, top: Sequence[Blob], wanted: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """Write the diffs of the bottoms."""
        for blob, needed in zip(bottom, wanted, strict=True):
            if needed:
                blob.diff.fill(0)
        if wanted[0]:
            bottom[0].diff[self.piece] = top[0].diff

    def _piece(self, bottom_shapes: Sequence[Shape]) -> tuple[slice, ...]:
        """Return what is cut out, axis by axis."""
        shape, reference = bottom_shapes
        first = canonical_axis(self.axis, shape)
        cut = len(shape) - first
        if len(self.offsets) > 1 and len(self.offsets) != cut:
            raise ShapeError(
                "the number of offsets does not fit",
                expected=f"1, or {cut}, one for each axis from {first} on of {shape_text(shape)}",
                got=str(len(self.offsets)),
            )
        offsets = (self.offsets or [0]) * (cut if len(self.offsets) < 2 else 1)
        if len(reference) < len(shape):
            raise ShapeError(
                "the reference has too few axes",
                expected=f"{len(shape)}, as the first bottom of shape {shape_text(shape)} has",
                got=f"shape {shape_text(reference)}",
            )
        lengths = reference[first : len(shape)]
        for axis, (offset, length) in enumerate(zip(offsets, lengths, strict=True), first):
            if offset + length > shape[axis]:
                raise ShapeError(
                    f"the piece reaches beyond axis {axis}",
                    expected=f"offset and length of at most {shape[axis]} together, from shape {shape_text(shape)}",
                    got=f"offset {offset}, length {length} of the reference {shape_text(reference)}",
                )
        whole = tuple(slice(0, length) for length in shape[:first])
        return whole + tuple(slice(o, o + length) for o, length in zip(offsets, lengths, strict=True))
