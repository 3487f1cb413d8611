"""Softmax and the negative log-likelihood of labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from pycaffelite.blob import Array, Shape
from pycaffelite.errors import FieldError
from pycaffelite.kernels import focal_loss
from pycaffelite.layers.base import Arity, Context, Layout
from pycaffelite.layers.class_scores import axis_view
from pycaffelite.layers.registry import register
from pycaffelite.layers.softmax_loss import SoftmaxLossLayer


@register("SoftmaxWithLoss")
class SoftmaxWithLoss(SoftmaxLossLayer):
    """Compare class scores with labels.

    loss = - 1/D Σ_{n,i} log max(p[n,l,i], 1.18e-38), p = softmax(x) over the axis, l = label[n,i] where it is not
    ignored; n and i stand for the axes before and after the axis. D as `loss_param` says.

    With weight_by_label_freqs each log is multiplied by the weight of its class: class_weighting[l] or, if there are no
    such, 1 / (how often l is among the labels of the batch). D does not know of weights.

    Bottoms: x, scores (N, C, H, W); label, N·H·W classes 0 to C - 1 stored as floats, any shape whose first axis is
    N.
    Tops: loss (), weight 1 by default; optionally p, as x.
    Params: none.
    Fields: `softmax_param { axis }`, 1 by default; `loss_param { ignore_label normalization normalize }`, VALID by
    default; BATCH_SIZE counts everything before the axis; from the SegNet fork `loss_param { weight_by_label_freqs
    class_weighting }`.
    Backward: dx[n,c,i] = w/D (p[n,c,i] - [c = l]), times the weight of the class, 0 where ignored, w the loss weight;
    the clamp has no part in it, and nothing comes from the second top.
    Errors: ShapeError if there is no such axis or the number of labels differs; DataError for a label that is no
    class; FieldError if there is not a weight for each class.
    Source: Caffe's SoftmaxWithLossLayer, which cannot be set up with the second top in 1.0.
    """

    arity: ClassVar[Arity] = Arity(bottoms=(2, 2), tops=(1, 2))

    def __init__(self, message: Any, context: Context) -> None:
        super().__init__(message, context)
        self.weighted: bool = message.loss_param.weight_by_label_freqs
        self.weights = np.array(message.loss_param.class_weighting)

    def layout(self, bottom_shapes: Sequence[Shape]) -> Layout:
        """Check the weights besides."""
        layout = super().layout(bottom_shapes)
        given, classes = len(self.message.loss_param.class_weighting), axis_view(self.axis, bottom_shapes[0])[1]
        if self.weighted and given not in (0, classes):
            raise FieldError("class_weighting does not fit", expected=f"{classes}, one for each class", got=str(given))
        return layout

    def sum_losses(self, probabilities: Array, labels: Array) -> tuple[float, int, int]:
        """Return the sum of losses, how many labels count, and which is wrong or -1."""
        if not self.weighted:
            return super().sum_losses(probabilities, labels)
        classes = self.view[1]
        if not self.message.loss_param.class_weighting:
            known = labels[(labels > -1) & (labels < classes)].astype(np.int64)
            self.weights = 1 / np.maximum(np.bincount(known, minlength=classes), 1)
        return focal_loss.sum_losses(probabilities, labels, *self.ignore, *self.view[1:], self.weights, 0.0)

    def write_gradient(self, probabilities: Array, labels: Array, scale: float, diff: Array) -> None:
        """Write the gradient of the sum of losses, times a scale."""
        if not self.weighted:
            super().write_gradient(probabilities, labels, scale, diff)
            return
        arrays = probabilities, labels
        focal_loss.write_gradient(*arrays, *self.ignore, *self.view[1:], self.weights, 0.0, scale, diff)
