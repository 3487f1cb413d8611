"""The share of labels that the scores get right."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from pycaffelite.blob import Blob, Shape
from pycaffelite.errors import FieldError, ShapeError
from pycaffelite.kernels import accuracy
from pycaffelite.layers.base import Arity, Context, Layer, Layout, shape_text
from pycaffelite.layers.class_scores import View, axis_view, check_labels, wrong_label
from pycaffelite.layers.registry import register


@register("Accuracy")
class Accuracy(Layer):
    """Tell how often the true class is among the k highest scores.

    accuracy = share of the labels l[n,i], without ignored ones, for which fewer than k classes c other than l have
    x[n,c,i] >= x[n,l,i]; 0 if all are ignored.

    Bottoms: x, scores (N, C, H, W); label, N·H·W classes 0 to C - 1 stored as floats.
    Tops: accuracy (); optionally the accuracy of each class (C,), 0 for a class without labels.
    Params: none.
    Fields: `accuracy_param { top_k axis ignore_label }`, 1, 1 and none by default.
    Backward: none.
    Errors: FieldError for top_k 0; ShapeError if there is no such axis, the number of labels differs or k is above C;
    DataError for a label that is no class.
    Source: Caffe's AccuracyLayer: a tie with the true class counts as wrong. So does NaN, which the reference counts
    as right.
    """

    arity: ClassVar[Arity] = Arity(bottoms=(2, 2), tops=(1, 2))
    no_gradient_to: ClassVar[frozenset[int]] = frozenset({0, 1})

    def __init__(self, message: Any, context: Context) -> None:
        super().__init__(message, context)
        param = message.accuracy_param
        if param.top_k < 1:
            raise FieldError("`top_k` is too small", expected="top_k of at least 1", got=f"top_k {param.top_k}")
        self.axis: int = param.axis
        self.top_k: int = param.top_k
        self.has_ignore: bool = param.HasField("ignore_label")
        self.ignore_label: int = param.ignore_label
        self.view: View = (0, 0, 0)

    def layout(self, bottom_shapes: Sequence[Shape]) -> Layout:
        """Return the scalar top and the per-class one if wanted."""
        check_labels(self.axis, bottom_shapes)
        scores = bottom_shapes[0]
        classes = axis_view(self.axis, scores)[1]
        if self.top_k > classes:
            raise ShapeError(
                "`top_k` is above the number of classes",
                expected=f"top_k from 1 to {classes}, for scores of shape {shape_text(scores)}",
                got=f"top_k {self.top_k}",
            )
        counts = ((classes,), np.int64)
        return Layout([(), (classes,)][: len(self.message.top)], buffers={"correct": counts, "seen": counts})

    def prepare(self, bottom_shapes: Sequence[Shape]) -> None:
        """Find the 3-D view."""
        self.view = axis_view(self.axis, bottom_shapes[0])

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Write the accuracy, and that of each class."""
        correct, seen = self.buffers["correct"], self.buffers["seen"]
        scores, labels = bottom[0].data.reshape(self.view), bottom[1].flat_data
        wrong = accuracy.count_correct(scores, labels, self.has_ignore, self.ignore_label, self.top_k, correct, seen)
        if wrong >= 0:
            raise wrong_label(bottom[1], wrong, self.view[1])
        top[0].data[...] = correct.sum() / max(1, seen.sum())
        if len(top) > 1:
            top[1].data[...] = correct / np.maximum(1, seen)

    def backward(self, top: Sequence[Blob], wanted: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """Do nothing: no bottom gets a gradient."""
