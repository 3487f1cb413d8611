"""The family of layers whose bottom has one score a class along one axis; some compare it with labels."""

from __future__ import annotations

import math
from collections.abc import Sequence

from pycaffelite.blob import Blob, Shape
from pycaffelite.errors import DataError, ShapeError
from pycaffelite.layers.base import canonical_axis, shape_text

View = tuple[int, int, int]


def axis_view(axis: int, shape: Shape) -> View:
    """Return the shape as the 3-D one that kernels take: everything before, at, and after the axis."""
    axis = canonical_axis(axis, shape)
    if shape[axis] == 0:
        raise ShapeError("there are no classes", expected=f"axis {axis} not empty", got=f"shape {shape_text(shape)}")
    return math.prod(shape[:axis]), shape[axis], math.prod(shape[axis + 1 :])


def check_labels(axis: int, bottom_shapes: Sequence[Shape]) -> None:
    """Raise ShapeError unless there is one label for each position of the scores."""
    scores, labels = bottom_shapes
    outer, _, inner = axis_view(axis, scores)
    if outer * inner != math.prod(labels):
        raise ShapeError(
            "the number of labels does not fit the scores",
            expected=f"{outer * inner} labels: one for each position of scores of shape {shape_text(scores)}",
            got=f"{math.prod(labels)}, of shape {shape_text(labels)}",
        )


def check_record_labels(bottom_shapes: Sequence[Shape]) -> None:
    """Raise ShapeError unless records have scores, and one label each."""
    scores, labels = bottom_shapes
    if math.prod(scores[1:]) == 0:
        raise ShapeError("there are no classes", expected="records that hold scores", got=f"shape {shape_text(scores)}")
    if math.prod(labels) != scores[0]:
        raise ShapeError(
            "there is not one label for each record",
            expected=f"{scores[0]} labels, for scores of shape {shape_text(scores)}",
            got=f"{math.prod(labels)}, of shape {shape_text(labels)}",
        )


def wrong_label(labels: Blob, position: int, classes: int, *, can_ignore: bool = True) -> DataError:
    """Return the error for the label at a flat position, which is none of the classes.

    Args:
        labels: The blob.
        position: Where in it.
        classes: How many there are.
        can_ignore: Whether the layer has an `ignore_label`.
    """
    value = float(labels.data.flat[position])
    per_record = labels.count // labels.shape[0] if labels.shape else 1
    place = f"record {position // per_record} of the batch"
    if per_record > 1:
        place += f", position {position % per_record}"
    hint = "raise `num_output` of the layer that makes the scores"
    if can_ignore:
        hint += ", or set `ignore_label`"
    return DataError(
        "a label is no class",
        expected=f"a class from 0 to {classes - 1}: the scores have {classes}",
        got=f"label {value:g} in {place}",
        hint=hint if value >= classes else None,
    )
