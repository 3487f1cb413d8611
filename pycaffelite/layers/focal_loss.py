"""Softmax and a likelihood of labels that cares little for what is right already."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from pycaffelite.blob import Array
from pycaffelite.errors import FieldError
from pycaffelite.kernels import focal_loss
from pycaffelite.layers.base import Arity, Context
from pycaffelite.layers.registry import register
from pycaffelite.layers.softmax_loss import SoftmaxLossLayer


@register("FocalLoss")
class FocalLoss(SoftmaxLossLayer):
    """Compare class scores with labels, each by as much as it is wrong.

    loss = - alpha/D sum over n, i of (1 - q)^gamma log max(q, 1.18e-38), q = p[n,l,i], p = softmax(x) over the axis;
    l = label[n,i] where it is not ignored; n and i stand for the axes before and after the axis, D as `loss_param` says

    Bottoms: x, scores (N, C, H, W); label, N H W classes 0 to C - 1 stored as floats, any shape whose first axis is N.
    Tops: loss (), weight 1 by default; optionally p, as x.
    Params: none.
    Fields: `focal_loss_param`: alpha (0.25), gamma (2), at least 0; `softmax_param { axis }`, 1 by default;
        `loss_param`, as of SoftmaxWithLoss.
    Backward: dx[n,c,i] = w alpha/D (gamma (1 - q)^(gamma - 1) q log q - (1 - q)^gamma) ([c = l] - p[n,c,i]), 0 where
        ignored, w the loss weight; the clamp has no part in it.
    Errors: gamma below 0; those of SoftmaxWithLoss.
    Source: Lin et al., Focal Loss for Dense Object Detection, 2017, with softmax as forks of Caffe have it.
    """

    arity: ClassVar[Arity] = Arity(bottoms=(2, 2), tops=(1, 2))

    def __init__(self, message: Any, context: Context) -> None:
        super().__init__(message, context)
        fields = message.focal_loss_param
        if not fields.gamma >= 0:
            raise FieldError("gamma is out of range", expected="at least 0", got=f"{fields.gamma:.6g}")
        self.alpha: float = fields.alpha
        self.gamma: float = fields.gamma

    def sum_losses(self, probabilities: Array, labels: Array) -> tuple[float, int, int]:
        """Return the sum of losses, how many labels count, and which is wrong or -1."""
        weights = np.full(self.view[1], self.alpha)
        return focal_loss.sum_losses(probabilities, labels, *self.ignore, *self.view[1:], weights, self.gamma)

    def write_gradient(self, probabilities: Array, labels: Array, scale: float, diff: Array) -> None:
        """Write the gradient of the sum of losses, times a scale."""
        weights = np.full(self.view[1], self.alpha)
        focal_loss.write_gradient(probabilities, labels, *self.ignore, *self.view[1:], weights, self.gamma, scale, diff)
