"""Softmax and the negative log-likelihood of labels."""

from __future__ import annotations

from typing import ClassVar

from pycaffelite.layers.base import Arity
from pycaffelite.layers.registry import register
from pycaffelite.layers.softmax_loss import SoftmaxLossLayer


@register("SoftmaxWithLoss")
class SoftmaxWithLoss(SoftmaxLossLayer):
    """Compare class scores with labels.

    loss = - 1/D Σ_{n,i} log max(p[n,l,i], 1.18e-38), p = softmax(x) over the axis, l = label[n,i] where it is not
    ignored; n and i stand for the axes before and after the axis. D as `loss_param` says.

    Bottoms: x, scores (N, C, H, W); label, N·H·W classes 0 to C - 1 stored as floats, any shape whose first axis is
    N.
    Tops: loss (), weight 1 by default; optionally p, as x.
    Params: none.
    Fields: `softmax_param { axis }`, 1 by default; `loss_param { ignore_label normalization normalize }`, VALID by
    default; BATCH_SIZE counts everything before the axis.
    Backward: dx[n,c,i] = w/D (p[n,c,i] - [c = l]), 0 where ignored, w the loss weight; the clamp has no part in it,
    and nothing comes from the second top.
    Errors: ShapeError if there is no such axis or the number of labels differs; DataError for a label that is no
    class.
    Source: Caffe's SoftmaxWithLossLayer, which cannot be set up with the second top in 1.0.
    """

    arity: ClassVar[Arity] = Arity(bottoms=(2, 2), tops=(1, 2))
