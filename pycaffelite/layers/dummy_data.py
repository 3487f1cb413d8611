"""Constant or random blobs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from pycaffelite.blob import Array, Blob, Shape
from pycaffelite.errors import FieldError
from pycaffelite.fillers import fill
from pycaffelite.layers.base import Arity, Context, Layer, Layout
from pycaffelite.layers.declared_shapes import declared_shape, per_top
from pycaffelite.layers.registry import register

_LEGACY = ("num", "channels", "height", "width")


@register("DummyData")
class DummyData(Layer):
    """Fill blobs of stated shapes with a filler.

    There is no formula; see the fillers.

    Bottoms: none.
    Tops: one or more, of the stated shapes.
    Params: none.
    Fields: `dummy_data_param { shape { dim } data_filler { } }`: one shape for all tops or one for each, likewise the
    fillers, zeros by default; or the older `num`, `channels`, `height` and `width` instead of the shapes. A `constant`
    filler fills once, so that the user may write something else into the blob; others fill at each forward pass.
    Backward: none.
    Errors: FieldError for a wrong number of shapes or fillers, for both ways to state shapes, for a dimension below 1,
    and what a filler refuses.
    Source: Caffe's DummyDataLayer.
    """

    arity: ClassVar[Arity] = Arity(bottoms=(0, 0), tops=(1, None))

    def __init__(self, message: Any, context: Context) -> None:
        super().__init__(message, context)
        param, tops = message.dummy_data_param, len(message.top)
        per_top("data_filler", len(param.data_filler), tops, least=0)
        shapes = self._shapes(param, tops)
        fillers = list(param.data_filler) or [None]
        self.shapes = shapes * (tops if len(shapes) == 1 else 1)
        self.fillers = fillers * (tops if len(fillers) == 1 else 1)
        self.generator = context.generator(self.name)
        # The arrays that a constant has been written to. Blobs are zero at first and need no zeros.
        self.filled: list[Array | None] = [None] * tops

    def layout(self, bottom_shapes: Sequence[Shape]) -> Layout:
        """Return the stated shapes."""
        return Layout(self.shapes)

    def begin(self, top: Sequence[Blob]) -> None:
        """Fill the tops whose fillers are constant, before the user may write something else into them."""
        for i, (blob, filler) in enumerate(zip(top, self.fillers, strict=True)):
            if filler is not None and filler.type == "constant":
                self._fill(i, blob)

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Fill the tops whose fillers are random, and once the others."""
        for i, blob in enumerate(top):
            self._fill(i, blob)

    def _fill(self, i: int, blob: Blob) -> None:
        filler = self.fillers[i]
        if filler is None or (filler.type == "constant" and (filler.value == 0 or self.filled[i] is blob.data)):
            return
        fill(blob.data, filler, self.generator)
        self.filled[i] = blob.data

    def backward(self, top: Sequence[Blob], wanted: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """Do nothing."""

    def state(self) -> dict[str, Any]:
        """Return the state of the random generator."""
        return {"generator": self.generator.bit_generator.state}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on with the random numbers where the state was taken."""
        self.generator.bit_generator.state = state["generator"]

    @staticmethod
    def _shapes(param: Any, tops: int) -> list[Shape]:
        """Return the stated shapes, one or one for each top."""
        legacy: dict[str, list[int]] = {name: list(getattr(param, name)) for name in _LEGACY}
        if not any(legacy.values()):
            per_top("shape", len(param.shape), tops)
            return [declared_shape(shape.dim) for shape in param.shape]
        if param.shape:
            raise FieldError(
                "shapes are stated in two ways",
                expected="`shape`, or `num`, `channels`, `height` and `width`",
                got="both",
            )
        for name, lengths in legacy.items():
            per_top(name, len(lengths), tops)
        axes = [lengths * (tops if len(lengths) == 1 else 1) for lengths in legacy.values()]
        return [declared_shape(dims) for dims in zip(*axes, strict=True)]
