"""SoftmaxWithLossOHEM: the loss of each label by itself too, to choose the hard ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from pycaffelite.blob import Blob, Shape
from pycaffelite.kernels.softmax_with_loss import SMALLEST
from pycaffelite.layers.base import Arity, Layout
from pycaffelite.layers.registry import register
from pycaffelite.layers.softmax_loss import SoftmaxLossLayer


@register("SoftmaxWithLossOHEM")
class SoftmaxWithLossOHEM(SoftmaxLossLayer):
    """Compare class scores with labels, and tell the loss of each label.

    loss = 1/D Σ_{n,i} l[n,i], l[n,i] = - log max(p[n,label,i], 1.18e-38), 0 where the label is ignored; p = softmax(x)
    over the axis.

    Bottoms: x, scores (N, C, H, W); label, N·H·W classes 0 to C - 1 stored as floats, any shape whose first axis is
    N.
    Tops: loss (), weight 1 by default; optionally p, as x; optionally l, as label.
    Params: none.
    Fields: `softmax_param { axis }`, 1 by default; `loss_param { ignore_label normalization pre_fixed_normalizer
    normalize }`, VALID by default.
    Backward: as SoftmaxWithLoss, from the first top alone.
    Errors: as SoftmaxWithLoss.
    Source: Shrivastava, Gupta and Girshick, Online hard example mining, 2016; the R-FCN fork's layer.
    """

    arity: ClassVar[Arity] = Arity(bottoms=(2, 2), tops=(1, 3))

    def layout(self, bottom_shapes: Sequence[Shape]) -> Layout:
        """Return the scalar top, the probabilities' and the single losses' if wanted, and the buffer."""
        layout = super().layout(bottom_shapes)
        tops = [(), *bottom_shapes][: max(1, len(self.message.top))]
        return Layout(tops, buffers=layout.buffers)

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Write the loss, the probabilities and the single losses."""
        super().forward(bottom, top)
        if len(top) > 2:
            outer, _, inner = self.view
            labels = bottom[1].data.reshape(outer, 1, inner).astype(np.int64)
            ignored = (labels == self.normalization.ignore_label) & self.normalization.has_ignore
            probabilities = self.buffers["probabilities"].reshape(self.view)
            shares = np.take_along_axis(probabilities, np.where(ignored, 0, labels), 1)
            top[2].data.reshape(outer, 1, inner)[...] = np.where(ignored, 0, -np.log(np.maximum(shares, SMALLEST)))
