"""Filter: only the records that were chosen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from pycaffelite.blob import Array, Blob, Shape
from pycaffelite.errors import ShapeError, WiringError
from pycaffelite.layers.base import Arity, Context, Layer, Layout, shape_text
from pycaffelite.layers.registry import register


@register("Filter")
class Filter(Layer):
    """Let the records pass whose selector is not 0.

    y[m, ...] = x[n_m, ...], where n_m is the m-th record with selector[n_m] != 0.

    Bottoms: x (N, ...), one or more; selector, the last one, (N) or (N, 1, ...).
    Tops: y (M, ...) for each x, M being the number of records chosen in this pass, which may be 0.
    Params: none.
    Fields: none.
    Backward: dx[n_m, ...] = dy[m, ...], and 0 for records that were not chosen; none for the selector.
    Errors: ShapeError where the selector has more than one number a record, or the numbers of records differ;
    WiringError where there are not as many tops as bottoms before the selector.
    Source: Caffe's FilterLayer.
    """

    arity: ClassVar[Arity] = Arity(bottoms=(2, None), tops=(1, None))
    measures: ClassVar[bool] = True

    def __init__(self, message: Any, context: Context) -> None:
        super().__init__(message, context)
        self.no_gradient_to = frozenset({len(message.bottom) - 1})  # type: ignore[misc]
        self.chosen: Array = np.zeros(0, np.int64)  # numbers of the records that pass

    def layout(self, bottom_shapes: Sequence[Shape]) -> Layout:
        """Return tops for all records: how many pass is not known before the forward pass."""
        *records, selector = bottom_shapes
        tops = len(self.message.top)
        if tops != len(records):
            raise WiringError(
                "there are not as many tops as bottoms before the selector", expected=str(len(records)), got=str(tops)
            )
        if any(length != 1 for length in selector[1:]) or not selector:
            raise ShapeError(
                "the selector has not one number for each record",
                expected="a last bottom of shape N, or Nx1...",
                got=f"shape {shape_text(selector)}",
            )
        for shape in records:
            if shape[:1] != selector[:1]:
                raise ShapeError(
                    "the numbers of records differ",
                    expected=f"{selector[0]} records, as the selector has",
                    got=f"a bottom of shape {shape_text(shape)}",
                )
        return Layout(records)

    def measure(self, bottom: Sequence[Blob]) -> Sequence[Shape]:
        """Return the shapes of what the selector lets pass."""
        self.chosen = np.flatnonzero(bottom[-1].data)
        return [(self.chosen.size, *blob.shape[1:]) for blob in bottom[:-1]]

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Copy the records that pass."""
        for below, above in zip(bottom, top, strict=False):
            np.take(below.data, self.chosen, axis=0, out=above.data, mode="clip")

    def backward(self, top: Sequence[Blob], wanted: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """Write the diffs of the bottoms."""
        for below, above, needed in zip(bottom, top, wanted, strict=False):
            if needed:
                below.diff.fill(0)
                below.diff[self.chosen] = above.diff
