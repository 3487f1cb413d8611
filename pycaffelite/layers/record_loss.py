"""The family of losses that compare all numbers of a record with its one label."""

from __future__ import annotations

import math
from collections.abc import Sequence

from pycaffelite.blob import Array, Blob, Shape
from pycaffelite.layers.base import Layout
from pycaffelite.layers.class_scores import check_record_labels, wrong_label
from pycaffelite.layers.loss import LossLayer


class RecordLoss(LossLayer):
    """Base of losses over x, N records of K classes, and N labels; their sum is divided by N.

    Attributes:
        classes: K.
    """

    def layout(self, bottom_shapes: Sequence[Shape]) -> Layout:
        """Return the scalar top."""
        self.check_records(bottom_shapes)
        check_record_labels(bottom_shapes)
        return Layout([()])

    def prepare(self, bottom_shapes: Sequence[Shape]) -> None:
        """Count the classes."""
        self.classes = math.prod(bottom_shapes[0][1:])

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Write the loss."""
        x, labels = (blob.flat_data for blob in bottom)
        total, wrong = self.sum_losses(x, labels)
        if wrong >= 0:
            raise wrong_label(bottom[1], wrong, self.classes, can_ignore=False)
        top[0].data[...] = total / max(1, bottom[0].shape[0])

    def backward(self, top: Sequence[Blob], wanted: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """Write dx."""
        if wanted[0]:
            x, labels = (blob.flat_data for blob in bottom)
            scale = self.weight(top) / max(1, bottom[0].shape[0])
            self.write_gradient(x, labels, scale, bottom[0].flat_diff)

    def sum_losses(self, x: Array, labels: Array) -> tuple[float, int]:
        """Return the sum over all records, and the first one whose label is no class, else -1; both flat."""
        raise NotImplementedError

    def write_gradient(self, x: Array, labels: Array, scale: float, dx: Array) -> None:
        """Write `scale` times the slope of the sum; all flat."""
        raise NotImplementedError
