"""The negative log-likelihood of labels, given probabilities."""

from __future__ import annotations

from pycaffelite.blob import Array
from pycaffelite.kernels import multinomial_logistic_loss
from pycaffelite.layers.record_loss import RecordLoss
from pycaffelite.layers.registry import register


@register("MultinomialLogisticLoss")
class MultinomialLogisticLoss(RecordLoss):
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

    def sum_losses(self, x: Array, labels: Array) -> tuple[float, int]:
        """Sum the negative logarithms."""
        total, wrong = multinomial_logistic_loss.sum_losses(x, labels, self.classes)
        return total, wrong

    def write_gradient(self, x: Array, labels: Array, scale: float, dx: Array) -> None:
        """Write the slope of the negative logarithms."""
        multinomial_logistic_loss.loss_gradient(x, labels, self.classes, scale, dx)
