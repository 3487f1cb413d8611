"""The hinge loss of classes, each against all others."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from pycaffelite.blob import Blob, Shape
from pycaffelite.kernels import hinge_loss
from pycaffelite.layers.base import Context, Layout
from pycaffelite.layers.class_scores import check_record_labels, wrong_label
from pycaffelite.layers.loss import LossLayer
from pycaffelite.layers.registry import register
from pycaffelite.schema import messages


@register("HingeLoss")
class HingeLoss(LossLayer):
    """Ask of the true class a score above 1, and of every other class one below -1: support vector machines.

    loss = 1/N Σ_{n,c} max(0, 1 - t[n,c] x[n,c])^p, t[n,c] = 1 where c is the class of n and -1 elsewhere.

    Bottoms: x, scores (N, ...), all elements of a record being classes; label, N classes stored as floats.
    Tops: loss (), weight 1 by default.
    Params: none.
    Fields: `hinge_loss_param { norm }`: L1 (p = 1), the default, or L2 (p = 2).
    Backward: dx[n,c] = -w/N t[n,c] where the margin is violated (L2: times 2 max(0, 1 - t x)), else 0; w the loss
    weight.
    Errors: ShapeError if the bottoms differ in records or there is not one label a record; DataError for a label
    that is no class.
    Source: Caffe's HingeLossLayer.
    """

    def __init__(self, message: Any, context: Context) -> None:
        super().__init__(message, context)
        self.squared: bool = message.hinge_loss_param.norm == messages.HingeLossParameter.L2

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
        scores, labels = (blob.data.reshape(-1) for blob in bottom)
        total, wrong = hinge_loss.sum_violations(scores, labels, self.classes, self.squared)
        if wrong >= 0:
            raise wrong_label(bottom[1], wrong, self.classes)
        top[0].data[...] = total / max(1, bottom[0].shape[0])

    def backward(self, top: Sequence[Blob], wanted: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """Write the diff of the scores."""
        if wanted[0]:
            scores, labels = (blob.data.reshape(-1) for blob in bottom)
            scale = self.weight(top) / max(1, bottom[0].shape[0])
            hinge_loss.violation_gradient(scores, labels, self.classes, self.squared, scale, bottom[0].diff.reshape(-1))
