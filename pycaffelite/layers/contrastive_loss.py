"""The contrastive loss of pairs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar

from pycaffelite.blob import Blob, Shape
from pycaffelite.errors import ShapeError
from pycaffelite.kernels import contrastive_loss
from pycaffelite.layers.base import Arity, Context, Layout, shape_text
from pycaffelite.layers.loss import LossLayer
from pycaffelite.layers.registry import register


@register("ContrastiveLoss")
class ContrastiveLoss(LossLayer):
    """Pull pairs of one kind together, and push pairs of different kinds apart up to a margin.

    loss = 1/(2N) Σ_n (d[n]² where y[n] is not 0, else max(0, m - d[n])²), d[n] = |a[n] - b[n]|; with legacy_version
    max(0, m - d[n]²) for different kinds.

    Bottoms: a and b, (N, C), axes of length 1 behind C allowed; y, N numbers: 0 (fractions are cut off) for a pair of
    different kinds.
    Tops: loss (), weight 1 by default.
    Params: none.
    Fields: `contrastive_loss_param { margin legacy_version }`: m, 1 by default; false by default.
    Backward: da = w/N (a - b) for one kind, - w/N (m - d) / (d + 1e-4) (a - b) for different kinds closer than m,
    else 0; with legacy_version - w/N (a - b) where d² < m; db = -da, w the loss weight.
    Errors: ShapeError if the bottoms differ in records, a and b in shape, or a record is no vector.
    Source: Hadsell, Chopra and LeCun, Dimensionality Reduction by Learning an Invariant Mapping, 2006; Caffe adds
    1e-4 in the gradient only.
    """

    arity: ClassVar[Arity] = Arity(bottoms=(3, 3))
    no_gradient_to: ClassVar[frozenset[int]] = frozenset({2})

    def __init__(self, message: Any, context: Context) -> None:
        super().__init__(message, context)
        self.margin: float = message.contrastive_loss_param.margin
        self.legacy: bool = message.contrastive_loss_param.legacy_version

    def layout(self, bottom_shapes: Sequence[Shape]) -> Layout:
        """Return the scalar top."""
        a, b, kinds = bottom_shapes
        self.check_records([a, b])
        channels = [math.prod(shape[1:2]) for shape in (a, b)]
        if channels[0] != channels[1] or math.prod(a[2:]) != 1 or math.prod(b[2:]) != 1:
            raise ShapeError(
                "the pairs are no vectors of one length",
                expected="two bottoms N x C, or N x C x 1 x 1",
                got=f"shapes {shape_text(a)} and {shape_text(b)}",
            )
        if math.prod(kinds) != a[0] or kinds[:1] != a[:1]:
            raise ShapeError(
                "there is not one number for each pair",
                expected=f"a third bottom of shape {a[0]}",
                got=f"shape {shape_text(kinds)}",
            )
        return Layout([()])

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Write the loss."""
        a, b, same = (blob.flat_data for blob in bottom)
        total = contrastive_loss.sum_losses(a, b, same, self.margin, self.legacy)
        top[0].data[...] = total / max(1, same.size) / 2

    def backward(self, top: Sequence[Blob], wanted: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """Write the diffs of the pairs."""
        a, b, same = (blob.flat_data for blob in bottom)
        scale = self.weight(top) / max(1, same.size)
        for i, sign in enumerate((1.0, -1.0)):
            if wanted[i]:
                diff = bottom[i].flat_diff
                contrastive_loss.loss_gradient(a, b, same, self.margin, self.legacy, sign * scale, diff)
