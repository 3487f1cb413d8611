"""Half the mean squared distance."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar

from pycaffelite.blob import Blob, Shape
from pycaffelite.errors import ShapeError
from pycaffelite.kernels import euclidean_loss
from pycaffelite.layers.base import Layout, shape_text
from pycaffelite.layers.loss import LossLayer
from pycaffelite.layers.registry import register


@register("EuclideanLoss")
class EuclideanLoss(LossLayer):
    """Compare two blobs by their squared distance.

    loss = 1/(2N) Σ_{n,i} (a[n,i] - b[n,i])².

    Bottoms: a and b, (N, ...), with equally many elements a record; their shapes past N may differ.
    Tops: loss (), weight 1 by default.
    Params: none.
    Fields: none; `loss_param` is ignored.
    Backward: da = w/N (a - b), db = -da, w the loss weight; both bottoms may want one.
    Errors: ShapeError if the bottoms differ in records or in elements a record.
    Source: Caffe's EuclideanLossLayer.
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
        distance = euclidean_loss.squared_distance(bottom[0].flat_data, bottom[1].flat_data)
        top[0].data[...] = distance / max(1, bottom[0].shape[0]) / 2

    def backward(self, top: Sequence[Blob], wanted: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """Write the diffs of the bottoms."""
        a, b = (blob.flat_data for blob in bottom)
        scale = self.weight(top) / max(1, bottom[0].shape[0])
        for blob, want, sign in zip(bottom, wanted, (1.0, -1.0), strict=True):
            if want:
                euclidean_loss.scaled_difference(a, b, sign * scale, blob.flat_diff)
