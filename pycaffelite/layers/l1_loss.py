"""The sum of absolute differences."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar

from pycaffelite.blob import Blob, Shape
from pycaffelite.errors import ShapeError
from pycaffelite.kernels import l1_loss
from pycaffelite.layers.base import Layout, shape_text
from pycaffelite.layers.loss import LossLayer
from pycaffelite.layers.registry import register


@register("L1Loss")
class L1Loss(LossLayer):
    """Compare two blobs by the absolute differences of their elements.

    loss = 1/N sum over n, i of |a[n,i] - b[n,i]|

    Bottoms: a and b, (N, ...), with equally many elements a record; their shapes past N may differ.
    Tops: loss (), weight 1 by default.
    Params: none.
    Fields: none; `loss_param` is ignored.
    Backward: da = w/N sign(a - b), 0 where they are equal; db = -da; w the loss weight.
    Errors: the bottoms differ in records or in elements a record.
    Source: layers of this name in several forks; FlowNet's has options besides, which are not here.
    """

    no_gradient_to: ClassVar[frozenset[int]] = frozenset()

    def layout(self, bottom_shapes: Sequence[Shape]) -> Layout:
        """Return the scalar top."""
        self.check_records(bottom_shapes)
        first, second = (math.prod(shape[1:]) for shape in bottom_shapes)
        if first != second:
            raise ShapeError(
                "the bottoms differ in their number of elements a record",
                expected=f"{first}, as in bottom 0 of shape {shape_text(bottom_shapes[0])}",
                got=f"{second}, in bottom 1 of shape {shape_text(bottom_shapes[1])}",
            )
        return Layout([()])

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Write the loss."""
        total = l1_loss.distance(bottom[0].data.reshape(-1), bottom[1].data.reshape(-1))
        top[0].data[...] = total / max(1, bottom[0].shape[0])

    def backward(self, top: Sequence[Blob], wanted: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """Write the diffs of the bottoms."""
        a, b = (blob.data.reshape(-1) for blob in bottom)
        scale = self.weight(top) / max(1, bottom[0].shape[0])
        for blob, want, sign in zip(bottom, wanted, (1.0, -1.0), strict=True):
            if want:
                l1_loss.direction(a, b, sign * scale, blob.diff.reshape(-1))
