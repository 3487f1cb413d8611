"""The family of layers that learn a vector for each class, and compare features with that of the class they are of."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from pycaffelite.blob import Array, Blob, Shape
from pycaffelite.errors import ShapeError
from pycaffelite.layers.base import Arity, Context, Layer, canonical_axis, shape_text
from pycaffelite.layers.class_scores import wrong_label
from pycaffelite.layers.windows import positive_output


class ClassVectors(Layer):
    """Base of layers with features (M... x K...) as first bottom, labels (M) as second, vectors (num_output x K)."""

    arity: ClassVar[Arity] = Arity(bottoms=(2, 2))
    no_gradient_to: ClassVar[frozenset[int]] = frozenset({1})
    fields_name: ClassVar[str]  # of the message with `num_output` and `axis`

    def __init__(self, message: Any, context: Context) -> None:
        super().__init__(message, context)
        self.fields = getattr(message, self.fields_name)
        self.outputs = positive_output(self.fields, self.fields_name)

    def split(self, bottom_shapes: Sequence[Shape]) -> tuple[Shape, int]:
        """Return the axes of M, and K; ShapeError unless there are M labels and something to compare."""
        shape, labels = bottom_shapes
        axis = canonical_axis(self.fields.axis, shape)
        rows, depth = math.prod(shape[:axis]), math.prod(shape[axis:])
        if rows != math.prod(labels) or depth == 0:
            raise ShapeError(
                "the labels do not fit the features",
                expected=f"{rows} labels, for features of shape {shape_text(shape)}" if depth else "features",
                got=f"labels of shape {shape_text(labels)}" if depth else f"bottom of shape {shape_text(shape)}",
            )
        return shape[:axis], depth

    def prepare(self, bottom_shapes: Sequence[Shape]) -> None:
        """Count the rows."""
        axes, self.depth = self.split(bottom_shapes)
        self.rows = math.prod(axes)

    def classes(self, labels: Blob) -> Array:
        """Return the labels as indices; DataError where one is no class."""
        values = labels.flat_data
        wrong = np.flatnonzero(~((values > -1) & (values < self.outputs)))
        if wrong.size:
            raise wrong_label(labels, int(wrong[0]), self.outputs)
        return values.astype(np.int64)
