"""Cross entropy of sigmoids with targets."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from pycaffelite.blob import Blob, Shape
from pycaffelite.errors import ShapeError
from pycaffelite.kernels import sigmoid_cross_entropy_loss
from pycaffelite.layers.base import Context, Layout, shape_text
from pycaffelite.layers.loss import LossLayer, Normalization
from pycaffelite.layers.registry import register


@register("SigmoidCrossEntropyLoss")
class SigmoidCrossEntropyLoss(LossLayer):
    """Compare scores with independent probabilities.

    loss = - 1/D Σ_i (t_i log p_i + (1 - t_i) log(1 - p_i)), p = 1 / (1 + exp(-x)), over targets that are not ignored.

    Bottoms: x, scores (N, ...); t, as many targets from 0 to 1, first axis N.
    Tops: loss (), weight 1 by default.
    Params: none.
    Fields: `loss_param { ignore_label normalization normalize }`, BATCH_SIZE by default: D = N. A target is ignored
    if its integer part is `ignore_label`.
    Backward: dx_i = w/D (p_i - t_i), 0 where ignored, w the loss weight.
    Errors: ShapeError if the bottoms differ in records or elements.
    Source: Caffe's SigmoidCrossEntropyLossLayer.
    """

    def __init__(self, message: Any, context: Context) -> None:
        super().__init__(message, context)
        self.normalization = Normalization(message.loss_param, default="BATCH_SIZE")
        self.divisor = 1.0

    def layout(self, bottom_shapes: Sequence[Shape]) -> Layout:
        """Return the scalar top."""
        self.check_records(bottom_shapes)
        scores, targets = bottom_shapes
        if math.prod(scores) != math.prod(targets):
            raise ShapeError(
                "the bottoms differ in their number of elements",
                expected=f"as many targets as scores, {math.prod(scores)} for shape {shape_text(scores)}",
                got=f"{math.prod(targets)}, of shape {shape_text(targets)}",
            )
        return Layout([()])

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Write the loss."""
        normalization, scores = self.normalization, bottom[0]
        loss, valid = sigmoid_cross_entropy_loss.forward(
            scores.flat_data, bottom[1].flat_data, normalization.has_ignore, normalization.ignore_label
        )
        records = scores.shape[0]
        self.divisor = normalization.divisor(records, scores.count // max(1, records), valid)
        top[0].data[...] = loss / self.divisor

    def backward(self, top: Sequence[Blob], wanted: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """Write the diff of the scores."""
        if wanted[0]:
            sigmoid_cross_entropy_loss.backward(
                bottom[0].flat_data,
                bottom[1].flat_data,
                self.normalization.has_ignore,
                self.normalization.ignore_label,
                self.weight(top) / self.divisor,
                bottom[0].flat_diff,
            )
