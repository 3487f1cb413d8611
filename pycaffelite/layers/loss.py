"""The family of losses: two bottoms, a scalar top with weight 1, and what the sum is divided by."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from pycaffelite.blob import Blob, Shape
from pycaffelite.errors import ShapeError
from pycaffelite.layers.base import Arity, Layer, shape_text


class LossLayer(Layer):
    """Base of layers that compare predictions (bottom 0) with truths (bottom 1) and write one number."""

    arity: ClassVar[Arity] = Arity(bottoms=(2, 2))
    default_loss_weight: ClassVar[float] = 1.0
    automatic_tops: ClassVar[bool] = True
    no_gradient_to: ClassVar[frozenset[int]] = frozenset({1})

    @staticmethod
    def check_records(bottom_shapes: Sequence[Shape]) -> None:
        """Raise ShapeError unless both bottoms have the same number of records."""
        predictions, truths = bottom_shapes
        if not predictions or not truths or predictions[0] != truths[0]:
            raise ShapeError(
                "the bottoms differ in their number of records",
                expected="two bottoms with the same first axis",
                got=f"shapes {shape_text(predictions)} and {shape_text(truths)}",
            )

    @staticmethod
    def weight(top: Sequence[Blob]) -> float:
        """Return the loss weight, which the net has written into the diff of the first top."""
        weight: float = top[0].flat_diff.item(0)
        return weight


class Normalization:
    """What a sum of losses is divided by, from a LossParameter message.

    Fields: `normalization` (FULL: all positions; VALID: those whose label is not ignored; BATCH_SIZE: records; NONE:
    1; PRE_FIXED: `pre_fixed_normalizer`), else the older `normalize` (true: VALID, false: BATCH_SIZE), else the layer's
    own default; `ignore_label`.

    Args:
        loss_param: The message.
        default: Name of the mode when neither field is given.
    """

    def __init__(self, loss_param: Any, default: str) -> None:
        if loss_param.HasField("normalization"):
            self.mode: str = loss_param.NormalizationMode.Name(loss_param.normalization)
        elif loss_param.HasField("normalize"):
            self.mode = "VALID" if loss_param.normalize else "BATCH_SIZE"
        else:
            self.mode = default
        self.fixed: float = loss_param.pre_fixed_normalizer
        self.has_ignore: bool = loss_param.HasField("ignore_label")
        self.ignore_label: int = loss_param.ignore_label

    def divisor(self, outer: int, inner: int, valid: int) -> float:
        """Return the divisor for `outer` records of `inner` positions, `valid` of them not ignored; at least 1.

        At least 1, so that a batch whose labels are all ignored has loss 0 and not NaN.
        """
        if self.mode == "VALID":
            return max(1.0, float(valid))
        divisors = {"FULL": outer * inner, "BATCH_SIZE": outer, "NONE": 1, "PRE_FIXED": self.fixed}
        return max(1.0, float(divisors[self.mode]))
