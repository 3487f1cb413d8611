"""The family of losses that compare a softmax with labels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from pycaffelite.blob import Array, Blob, Shape
from pycaffelite.kernels import softmax, softmax_with_loss
from pycaffelite.layers.base import Context, Layout
from pycaffelite.layers.class_scores import View, axis_view, check_labels, wrong_label
from pycaffelite.layers.loss import LossLayer, Normalization


class SoftmaxLossLayer(LossLayer):
    """Base of layers whose first top is the negative log-likelihood of labels, and whose second the probabilities."""

    def __init__(self, message: Any, context: Context) -> None:
        super().__init__(message, context)
        self.axis: int = message.softmax_param.axis
        self.normalization = Normalization(message.loss_param, default="VALID")
        self.ignore = (self.normalization.has_ignore, self.normalization.ignore_label)
        self.view: View = (0, 0, 0)
        self.divisor = 1.0

    def layout(self, bottom_shapes: Sequence[Shape]) -> Layout:
        """Return the scalar top, the probabilities' if wanted, and the buffer of probabilities."""
        self.check_records(bottom_shapes)
        check_labels(self.axis, bottom_shapes)
        scores = bottom_shapes[0]
        return Layout(
            [(), scores][: max(1, len(self.message.top))], buffers={"probabilities": ((math.prod(scores),), None)}
        )

    def prepare(self, bottom_shapes: Sequence[Shape]) -> None:
        """Find the 3-D view."""
        self.view = axis_view(self.axis, bottom_shapes[0])

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Write the loss, and the probabilities where a second top wants them."""
        probabilities = self.buffers["probabilities"]
        softmax.forward(bottom[0].flat_data, probabilities, self.view)
        loss, valid, wrong = self.sum_losses(probabilities, bottom[1].flat_data)
        if wrong >= 0:
            raise wrong_label(bottom[1], wrong, self.view[1])
        self.divisor = self.normalization.divisor(self.view[0], self.view[2], valid)
        top[0].data.fill(loss / self.divisor)
        if len(top) > 1:
            top[1].flat_data[:] = probabilities

    def backward(self, top: Sequence[Blob], wanted: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """Write the diff of the scores."""
        if wanted[0]:
            scale = self.weight(top) / self.divisor
            self.write_gradient(self.buffers["probabilities"], bottom[1].flat_data, scale, bottom[0].flat_diff)

    def sum_losses(self, probabilities: Array, labels: Array) -> tuple[float, int, int]:
        """Return the sum of losses, how many labels count, and which is wrong or -1; all arrays are flat."""
        return softmax_with_loss.sum_losses(probabilities, labels, self.ignore, self.view)

    def write_gradient(self, probabilities: Array, labels: Array, scale: float, diff: Array) -> None:
        """Write the gradient of the sum of losses, times a scale; all arrays are flat."""
        softmax_with_loss.write_gradient(probabilities, labels, self.ignore, scale, self.view, diff)
