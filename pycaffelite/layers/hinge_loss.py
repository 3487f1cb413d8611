"""The hinge loss of classes, each against all others."""

from __future__ import annotations

from typing import Any

from pycaffelite.blob import Array
from pycaffelite.kernels import hinge_loss
from pycaffelite.layers.base import Context
from pycaffelite.layers.record_loss import RecordLoss
from pycaffelite.layers.registry import register
from pycaffelite.schema import messages


@register("HingeLoss")
class HingeLoss(RecordLoss):
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

    def sum_losses(self, x: Array, labels: Array) -> tuple[float, int]:
        """Sum the violations of the margins."""
        total, wrong = hinge_loss.sum_violations(x, labels, self.classes, self.squared)
        return total, wrong

    def write_gradient(self, x: Array, labels: Array, scale: float, dx: Array) -> None:
        """Write the slope of the violations."""
        hinge_loss.violation_gradient(x, labels, self.classes, self.squared, scale, dx)
