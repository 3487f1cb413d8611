"""Dropout: random silence in training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pycaffelite.blob import Array, Blob, Shape
from pycaffelite.errors import FieldError
from pycaffelite.kernels import dropout
from pycaffelite.layers.base import Arity, Context, Layer, Layout
from pycaffelite.layers.registry import register

_WORD = (1 << 64) - 1


@register("Dropout")
class Dropout(Layer):
    """Set a random share of the elements to zero in training, and keep the others' sum what it would be.

    TRAIN: y[i] = x[i] m[i] / (1 - r), m[i] = 0 with probability r, else 1; TEST: y[i] = x[i]. r is dropout_ratio.
    With mean_on_test or mean_on_train in the fields, whatever they say, the deeply-supervised-nets manner:
    TRAIN: y[i] = x[i] m[i], with both of them true (1 - r) x[i]. TEST: y[i] = (1 - r) x[i], with mean_on_test false
    x[i] m[i].
    With scale_train false, TRAIN: y[i] = x[i] m[i]; TEST: y[i] = (1 - r) x[i].

    Bottoms: x, any shape.
    Tops: y, the shape of x; may be x itself.
    Params: none.
    Fields: `dropout_param`: dropout_ratio (0.5), at least 0 and less than 1; from forks mean_on_test (true) and
        mean_on_train (false); scale_train (true); sample_weights_test (false): TEST does what TRAIN does.
    Backward: dx[i] is dy[i] times what y[i] is x[i] times, with the mask of the last forward pass.
    Errors: dropout_ratio is out of range, where it matters; two of the forks' manners at once.
    Source: Hinton et al., Improving Neural Networks by Preventing Co-adaptation of Feature Detectors, 2012. As in
        Caffe, the scaling happens in training, so that nothing is left to do in testing; weights of the other manner
        are off by the factor 1 - r.

    The mask is a function of the seed, the layer's name, the number of forward passes so far and the position: it does
    not depend on the number of threads, and a resumed training goes on with the masks that would have come.
    """

    arity = Arity(in_place=True)

    def __init__(self, message: Any, context: Context) -> None:
        super().__init__(message, context)
        self.ratio: float = message.dropout_param.dropout_ratio
        self.drops, self.factor = self._manner(message.dropout_param, context.phase == "TRAIN")
        self.passes = 0

    def _manner(self, fields: Any, training: bool) -> tuple[bool, float]:
        """Return whether to drop elements, and what to multiply the others with."""
        supervised = fields.HasField("mean_on_test") or fields.HasField("mean_on_train")
        if supervised + (not fields.scale_train) + fields.sample_weights_test > 1:
            raise FieldError(
                "two manners of dropout",
                expected="mean_on_test and mean_on_train, or scale_train, or sample_weights_test",
                got="more than one",
            )
        if supervised:
            drops = not (fields.mean_on_test and (fields.mean_on_train or not training))
        else:
            drops = training or fields.sample_weights_test
        plain = fields.scale_train and not supervised
        if (drops or not plain) and not 0 <= self.ratio < 1:
            raise FieldError(
                "dropout_ratio is out of range", expected="at least 0 and less than 1", got=f"{self.ratio:.6g}"
            )
        if plain:
            return drops, 1 / (1 - self.ratio) if drops else 1.0
        return drops, 1.0 if drops else 1 - self.ratio

    def layout(self, bottom_shapes: Sequence[Shape]) -> Layout:
        """Return one top like the bottom and, where elements are dropped, the mask."""
        mask: dict[str, Any] = {"mask": (bottom_shapes[0], np.uint8)} if self.drops else {}
        return Layout([bottom_shapes[0]], buffers=mask)

    def draw(self, mask: Array) -> None:
        """Fill a flat mask for the next forward pass."""
        word = _mix(self.context.key(self.name) + self.passes * 0x9E3779B97F4A7C15)
        self.passes += 1
        dropout.draw_mask(mask, word & 0xFFFFFFFF, word >> 32, round(self.ratio * 2**32))

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Write y."""
        if self.drops:
            self.draw(self.buffers["mask"].reshape(-1))
        self._apply(bottom[0].data, top[0].data)

    def leaves_alone(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> bool:
        """Return whether it works in place without dropping or scaling anything."""
        return top[0] is bottom[0] and not self.drops and self.factor == 1

    def backward(self, top: Sequence[Blob], wanted: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """Write dx."""
        if wanted[0]:
            self._apply(top[0].diff, bottom[0].diff)

    def state(self) -> dict[str, Any]:
        """Return how many masks have been drawn."""
        return {"passes": self.passes}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on after as many masks."""
        self.passes = int(state["passes"])

    def _apply(self, source: Array, target: Array) -> None:
        if self.drops:
            mask = self.buffers["mask"].reshape(-1)
            dropout.apply_mask(source.reshape(-1), mask, self.factor, target.reshape(-1))
        elif self.factor != 1:
            np.multiply(source, self.factor, out=target)
        elif source is not target:
            np.copyto(target, source)


def _mix(word: int) -> int:
    """Return a 64-bit hash of a number (the finalizer of SplitMix64)."""
    word &= _WORD
    word = (word ^ word >> 30) * 0xBF58476D1CE4E5B9 & _WORD
    word = (word ^ word >> 27) * 0x94D049BB133111EB & _WORD
    return word ^ word >> 31
