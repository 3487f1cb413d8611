"""The family of layers that predict boxes relative to anchors at each place of a map, as YOLO v2 does."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from pycaffelite.blob import Array, Shape
from pycaffelite.errors import DataError, FieldError, ShapeError
from pycaffelite.layers.base import shape_text

_AROUND = 5  # numbers of an anchor that are no class scores
_ROW = 5  # numbers of a true box: class, centre, size
_ANNOTATED = 8  # numbers of a true box of AnnotatedData


def read_anchors(biases: Sequence[float], count: int) -> Array:
    """Return width and height of each anchor; FieldError where there are not as many."""
    if len(biases) != 2 * count or count < 1 or min(biases) <= 0:
        raise FieldError(
            "the anchors are missing or wrong",
            expected=f"{2 * count} biases above 0: width and height of {count} anchors",
            got=", ".join(f"{bias:g}" for bias in biases) or "none",
        )
    return np.array(biases, np.float64).reshape(count, 2)


def map_view(shape: Shape, anchors: int, classes: int) -> Shape:
    """Return the shape of predictions, N x A x (5 + C) x H x W."""
    if len(shape) != 4 or shape[1] != anchors * (_AROUND + classes):
        raise ShapeError(
            "the number of channels does not fit anchors and classes",
            expected=f"N x {anchors * (_AROUND + classes)} x H x W: {anchors} times {_AROUND} and {classes} classes",
            got=f"bottom of shape {shape_text(shape)}",
        )
    return (shape[0], anchors, _AROUND + classes, *shape[2:])


def check_truths(shape: Shape, images: int) -> None:
    """Raise ShapeError unless a bottom holds true boxes in one of the two forms."""
    if _annotated(shape):
        return
    if not shape or shape[0] != images or math.prod(shape[1:]) % _ROW:
        raise ShapeError(
            "these are no true boxes",
            expected=f"N x 5T with {images} images, or 1 x 1 x G x 8 of AnnotatedData",
            got=shape_text(shape),
        )


def read_truths(labels: Array, images: int, classes: int) -> tuple[Array, Array]:
    """Return the true boxes of each image, (N, T, 5): class, centre, size; and how many there are, (N,).

    Rows of five end at the first without width. Classes of AnnotatedData count from 1.

    Raises:
        DataError: A class is none.
    """
    found: list[list[Any]] = [[] for _ in range(images)]
    if _annotated(labels.shape):
        for image, label, _number, left, top, right, bottom, _difficult in labels.reshape(-1, _ANNOTATED).tolist():
            if 0 <= image < images:
                box = ((left + right) / 2, (top + bottom) / 2, right - left, bottom - top)
                found[int(image)].append((label - 1, *box))
    else:
        for image, rows in enumerate(labels.reshape(images, -1, _ROW).tolist()):
            ends = [k for k, row in enumerate(rows) if not row[3]]
            found[image] = rows[: ends[0]] if ends else rows
    counts = np.array([len(rows) for rows in found], np.int64)
    truths = np.zeros((images, max(1, counts.max(initial=0)), _ROW))
    for image, rows in enumerate(found):
        for k, row in enumerate(rows):
            if not all(map(math.isfinite, row)) or not 0 <= row[0] < classes or min(row[3:]) <= 0:
                raise DataError(
                    "a true box has no class or no size",
                    expected=f"a class from 0 to {classes - 1}, and a size above 0",
                    got=f"class {row[0]:g}, size {row[3]:g} x {row[4]:g}, in image {image}",
                )
            truths[image, k] = row
    return truths, counts


def _annotated(shape: Shape) -> bool:
    return len(shape) == 4 and shape[:2] == (1, 1) and shape[3] == _ANNOTATED
