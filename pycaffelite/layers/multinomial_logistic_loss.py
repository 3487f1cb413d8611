"""The negative log-likelihood of labels, given probabilities."""

from __future__ import annotations

import math
from collections.abc import Sequence

from pycaffelite.blob import Blob, Shape
from pycaffelite.kernels import multinomial_logistic_loss
from pycaffelite.layers.base import Layout
from pycaffelite.layers.class_scores import check_record_labels, wrong_label
from pycaffelite.layers.loss import LossLayer
from pycaffelite.layers.registry import register


@register("MultinomialLogisticLoss")
class MultinomialLogisticLoss(LossLayer):
    """Compare probabilities of classes with labels; for scores that are no probabilities use SoftmaxWithLoss.

    loss = - 1/N Σ_n log max(p[n,l], 1e-20), l = label[n].

    Bottoms: p, probabilities (N, ...), all elements of a record being classes; label, N classes stored as floats.
    Tops: loss (), weight 1 by default.
    Params: none.
    Fields: none; `loss_param` is ignored.
    Backward: dp[n,l] = - w/N / max(p[n,l], 1e-20), 0 for all other classes; w the loss weight.
    Errors: ShapeError if the bottoms differ in records or there is not one label a record; DataError for a label
    that is no class.
    Source: Caffe's MultinomialLogisticLossLayer.
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
        shares, labels = (blob.data.reshape(-1) for blob in bottom)
        loss, wrong = multinomial_logistic_loss.sum_losses(shares, labels, self.classes)
        if wrong >= 0:
            raise wrong_label(bottom[1], wrong, self.classes)
        top[0].data[...] = loss / max(1, bottom[0].shape[0])

    def backward(self, top: Sequence[Blob], wanted: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """Write the diff of the probabilities."""
        if wanted[0]:
            shares, labels = (blob.data.reshape(-1) for blob in bottom)
            scale = self.weight(top) / max(1, bottom[0].shape[0])
            diff = bottom[0].diff.reshape(-1)
            multinomial_logistic_loss.loss_gradient(shares, labels, self.classes, scale, diff)
