"""The family of losses that compare a softmax with labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pycaffelite.blob import Blob, Shape
from pycaffelite.kernels import eltwise, softmax, softmax_with_loss
from pycaffelite.layers.base import Context, Layout
from pycaffelite.layers.class_scores import View, axis_view, check_labels, wrong_label
from pycaffelite.layers.loss import LossLayer, Normalization


class SoftmaxLossLayer(LossLayer):
    """Base of layers whose first top is the negative log-likelihood of labels, and whose second the probabilities."""

    def __init__(self, message: Any, context: Context) -> None:
        super().__init__(message, context)
        self.axis: int = message.softmax_param.axis
        self.normalization = Normalization(message.loss_param, default="VALID")
        self.view: View = (0, 0, 0)
        self.divisor = 1.0

    def layout(self, bottom_shapes: Sequence[Shape]) -> Layout:
        """Return the scalar top, the probabilities' if wanted, and the buffer of probabilities."""
        self.check_records(bottom_shapes)
        check_labels(self.axis, bottom_shapes)
        scores = bottom_shapes[0]
        return Layout([(), scores][: max(1, len(self.message.top))], buffers={"probabilities": (scores, None)})

    def prepare(self, bottom_shapes: Sequence[Shape]) -> None:
        """Find the 3-D view."""
        self.view = axis_view(self.axis, bottom_shapes[0])

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Write the loss, and the probabilities where a second top wants them."""
        scores, labels = bottom[0].data.reshape(self.view), bottom[1].data.reshape(-1)
        probabilities = self.buffers["probabilities"].reshape(self.view)
        ignore = (self.normalization.has_ignore, self.normalization.ignore_label)
        softmax.forward(scores, probabilities)
        loss, valid, wrong = softmax_with_loss.sum_losses(probabilities.reshape(-1), labels, *ignore, *self.view[1:])
        if wrong >= 0:
            raise wrong_label(bottom[1], wrong, self.view[1])
        self.divisor = self.normalization.divisor(self.view[0], self.view[2], valid)
        top[0].data[...] = loss / self.divisor
        if len(top) > 1:
            top[1].data[...] = self.buffers["probabilities"]

    def backward(self, top: Sequence[Blob], wanted: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """Write the diff of the scores."""
        if not wanted[0]:
            return
        scale = self.weight(top) / self.divisor
        probabilities, diff = self.buffers["probabilities"].reshape(-1), bottom[0].diff.reshape(-1)
        ignore = (self.normalization.has_ignore, self.normalization.ignore_label)
        eltwise.scale(probabilities, scale, diff)
        labels = bottom[1].data.reshape(-1)
        softmax_with_loss.subtract_labels(probabilities, labels, *ignore, scale, *self.view[1:], diff)
