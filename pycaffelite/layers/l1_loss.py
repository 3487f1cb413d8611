"""The sum of absolute differences."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar

from pycaffelite.blob import Array, Blob, Shape
from pycaffelite.errors import FieldError, ShapeError
from pycaffelite.kernels import l1_loss
from pycaffelite.layers.base import Arity, Context, Layout, shape_text
from pycaffelite.layers.loss import LossLayer
from pycaffelite.layers.registry import register


@register("L1Loss")
class L1Loss(LossLayer):
    """Compare two blobs by the absolute differences of their elements.

    loss = 1/N sum over n, i of |a[n,i] - b[n,i]|

    With `l1_loss_param` as FlowNet's: differences that are NaN, and with plateau those below it, count as 0. With
    l2_per_location loss = 1/D sum over n, s of sqrt(q + epsilon), q = f sum over c of (a[n,c,s] - b[n,c,s])^2, 0 if
    below plateau^2; f = 1, with l2_prescale_by_channels 1/C. D = N, with normalize_by_num_entries the number of
    differences that are not NaN, over C.

    Bottoms: a and b, (N, ...), with equally many elements a record; with `l1_loss_param` N x C x any axes both, or a
    alone, b being 0.
    Tops: loss (), weight 1 by default.
    Params: none.
    Fields: `l1_loss_param`: l2_per_location, l2_prescale_by_channels, normalize_by_num_entries (false), epsilon (0.01),
        plateau (0). `loss_param` is ignored.
    Backward: da = w/N sign(a - b), 0 where they are equal; l2_per_location: da = w/D f (a - b) / sqrt(q + epsilon); 0
        where the plateau or NaN is; db = -da; w the loss weight.
    Errors: the bottoms differ in records or in elements a record; a bottom alone without `l1_loss_param`; epsilon below
        0.
    Source: layers of this name in several forks; the fields are FlowNet's.
    """

    arity: ClassVar[Arity] = Arity(bottoms=(1, 2))
    no_gradient_to: ClassVar[frozenset[int]] = frozenset()

    def __init__(self, message: Any, context: Context) -> None:
        super().__init__(message, context)
        fields = self.fields = message.l1_loss_param
        self.of_flow: bool = message.HasField("l1_loss_param")
        if not fields.epsilon >= 0:
            raise FieldError("epsilon is out of range", expected="at least 0", got=f"{fields.epsilon:.6g}")
        self.divisor = 1.0

    def layout(self, bottom_shapes: Sequence[Shape]) -> Layout:
        """Return the scalar top."""
        if self.of_flow:
            first, *others = bottom_shapes
            if len(first) < 2 or first[1] == 0 or any(shape != first for shape in others):
                raise ShapeError(
                    "the bottoms do not fit",
                    expected="N x channels x any axes, twice",
                    got=", ".join(map(shape_text, bottom_shapes)),
                )
            return Layout([()])
        if len(bottom_shapes) == 1:
            raise ShapeError("there is nothing to compare with", expected="two bottoms", got="one")
        self.check_records(bottom_shapes)
        first_count, second_count = (math.prod(shape[1:]) for shape in bottom_shapes)
        if first_count != second_count:
            raise ShapeError(
                "the bottoms differ in their number of elements a record",
                expected=f"{first_count}, as in bottom 0 of shape {shape_text(bottom_shapes[0])}",
                got=f"{second_count}, in bottom 1 of shape {shape_text(bottom_shapes[1])}",
            )
        return Layout([()])

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Write the loss."""
        a, b = _both(bottom)
        self.divisor = float(max(1, bottom[0].shape[0]))
        if not self.of_flow:
            top[0].data[...] = l1_loss.distance(a, b) / self.divisor
            return
        if self.fields.normalize_by_num_entries:
            self.divisor = l1_loss.count_entries(a, b) / bottom[0].shape[1] or 1.0
        top[0].data[...] = l1_loss.sum_lengths(a, b, *self._measure(bottom[0].shape)) / self.divisor

    def _measure(self, shape: Shape) -> tuple[int, int, float, float, float]:
        """Return what the kernels take: channels, places, factor, epsilon and plateau."""
        fields = self.fields
        if not fields.l2_per_location:
            return 1, 1, 1.0, 0.0, fields.plateau
        factor = 1 / shape[1] if fields.l2_prescale_by_channels else 1.0
        return shape[1], math.prod(shape[2:]), factor, fields.epsilon, fields.plateau

    def backward(self, top: Sequence[Blob], wanted: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """Write the diffs of the bottoms."""
        a, b = _both(bottom)
        scale = self.weight(top) / self.divisor
        for blob, want, sign in zip(bottom, wanted, (1.0, -1.0), strict=False):
            if want and self.of_flow:
                l1_loss.length_gradient(a, b, *self._measure(blob.shape), sign * scale, blob.flat_diff)
            elif want:
                l1_loss.direction(a, b, sign * scale, blob.flat_diff)


def _both(bottom: Sequence[Blob]) -> tuple[Array, Array]:
    """Return both bottoms, flat; nothing for a second that is not there."""
    a = bottom[0].flat_data
    return a, bottom[1].flat_data if len(bottom) > 1 else a[:0]
