"""Threshold: ones and zeros."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from pycaffelite.blob import Blob, Shape
from pycaffelite.layers.base import Arity, Context, Layer, Layout
from pycaffelite.layers.registry import register


@register("Threshold")
class Threshold(Layer):
    """Tell which elements are above a threshold.

    y[i] = 1 where x[i] > threshold, else 0

    Bottoms: x, any shape.
    Tops: y, the shape of x; may be x itself.
    Params: none.
    Fields: `threshold_param { threshold }`, 0 by default.
    Backward: none.
    Errors: none of its own.
    Source: Caffe's ThresholdLayer.
    """

    arity: ClassVar[Arity] = Arity(in_place=True)
    no_gradient_to: ClassVar[frozenset[int]] = frozenset({0})

    def __init__(self, message: Any, context: Context) -> None:
        super().__init__(message, context)
        self.threshold: float = message.threshold_param.threshold

    def layout(self, bottom_shapes: Sequence[Shape]) -> Layout:
        """Return one top like the bottom."""
        return Layout([bottom_shapes[0]])

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Write y."""
        np.greater(bottom[0].data, self.threshold, out=top[0].data, casting="unsafe")

    def backward(self, top: Sequence[Blob], wanted: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """Do nothing: the bottom gets no gradient."""
