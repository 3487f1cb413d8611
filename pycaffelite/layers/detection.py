"""The family of layers that predict boxes as offsets from priors."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from pycaffelite.blob import Array, Shape
from pycaffelite.errors import DataError, FieldError, ShapeError
from pycaffelite.kernels.boxes import CORNER
from pycaffelite.layers.base import shape_text


def class_count(fields: Any) -> int:
    """Return `num_classes`, which must be there."""
    if fields.num_classes < 1:
        raise FieldError(
            "num_classes is missing or 0",
            expected="the number of classes, background included",
            got="none" if not fields.HasField("num_classes") else "0",
        )
    return int(fields.num_classes)


def check_predictions(bottom_shapes: Sequence[Shape], boxes: int, classes: int) -> int:
    """Return how many priors there are, if offsets and scores are as many as they ask for.

    Args:
        bottom_shapes: Of offsets, of scores, and of priors.
        boxes: Boxes for each prior.
        classes: Scores for each prior.
    """
    offsets, scores, priors = bottom_shapes[:3]
    count = math.prod(priors) // 8
    if len(priors) < 2 or priors[:2] != (1, 2) or 8 * count != math.prod(priors):
        raise ShapeError("these are no priors", expected="1 x 2 x 4P, of PriorBox", got=shape_text(priors))
    for what, shape, each in (("offsets", offsets, 4 * boxes), ("scores", scores, classes)):
        if not shape or shape[0] != offsets[0] or math.prod(shape[1:]) != each * count:
            raise ShapeError(
                f"the number of {what} does not fit the priors",
                expected=f"{each * count} in each of {offsets[0] if offsets else 'N'} images: {each} for each prior",
                got=f"bottom of shape {shape_text(shape)}",
            )
    return count


def split_priors(priors: Array, code: int) -> tuple[Array, Array]:
    """Return priors and variances, (P, 4) each; DataError for priors without extent where boxes are coded in it."""
    pair = priors.reshape(2, priors.size // 8, 4)
    if code != CORNER:
        flat = np.flatnonzero(~((pair[0, :, 2] > pair[0, :, 0]) & (pair[0, :, 3] > pair[0, :, 1])))
        if flat.size:
            box = ", ".join(f"{edge:g}" for edge in pair[0, flat[0]])
            raise DataError("a prior has no extent", expected="width and height above 0", got=f"prior {flat[0]}: {box}")
    return pair[0], pair[1]


def best_first(scores: Array, candidates: Array, most: int) -> Array:
    """Return the candidates by falling score, of equals the first first; no more than `most`, if not negative."""
    order: Array = candidates[np.argsort(-scores[candidates], kind="stable")]
    return order[:most] if most >= 0 else order
