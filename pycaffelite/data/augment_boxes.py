"""Boxes under the hands of those who cut and enlarge images, and the pieces that are cut out.

Boxes and pieces are left, top, right, bottom, in parts of the image.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from pycaffelite.errors import FieldError
from pycaffelite.schema import messages

Array = npt.NDArray[Any]

WHOLE = np.array([0.0, 0.0, 1.0, 1.0])
# Limits of a SampleConstraint: what they are called, and what they limit.
_LIMITS = ("jaccard_overlap", "sample_coverage", "object_coverage")


def check_samplers(samplers: Sequence[Any]) -> None:
    """Raise FieldError where pieces of these sizes and shapes cannot be drawn."""
    for batch_sampler in samplers:
        sampler = batch_sampler.sampler
        if not 0 < sampler.min_scale <= sampler.max_scale <= 1:
            raise FieldError(
                "the scales of a sampler are wrong",
                expected="min_scale above 0 and at most max_scale, max_scale at most 1",
                got=f"{sampler.min_scale:g} and {sampler.max_scale:g}",
            )
        if not 0 < sampler.min_aspect_ratio <= sampler.max_aspect_ratio < np.inf:
            raise FieldError(
                "the aspect ratios of a sampler are wrong",
                expected="min_aspect_ratio above 0 and at most max_aspect_ratio",
                got=f"{sampler.min_aspect_ratio:g} and {sampler.max_aspect_ratio:g}",
            )


def shared(piece: Array, boxes: Array) -> Array:
    """Return the area that a piece shares with each box; either may be several, then they are paired as NumPy does."""
    sides = np.minimum(piece[..., 2:], boxes[..., 2:]) - np.maximum(piece[..., :2], boxes[..., :2])
    areas: Array = np.maximum(sides, 0).prod(-1)
    return areas


def area(boxes: Array) -> Array:
    """Return the areas of boxes, 0 for those the wrong way round."""
    areas: Array = np.maximum(boxes[..., 2:] - boxes[..., :2], 0).prod(-1)
    return areas


def draw_pieces(samplers: Sequence[Any], boxes: Array, generator: np.random.Generator) -> Array:
    """Return the pieces that will do, of all that the samplers try."""
    found = [WHOLE[None, :][:0]]
    for sampler in samplers:
        if not sampler.use_original_image:
            continue
        pieces = _draw(sampler.sampler, int(sampler.max_trials), generator)
        fitting = pieces[_fits(pieces, boxes, sampler.sample_constraint)]
        found.append(fitting[: sampler.max_sample] if sampler.HasField("max_sample") else fitting)
    return np.concatenate(found)


def _draw(sampler: Any, count: int, generator: np.random.Generator) -> Array:
    """Return pieces of random sizes, shapes and places."""
    scale = generator.uniform(sampler.min_scale, sampler.max_scale, count)
    ratio = generator.uniform(sampler.min_aspect_ratio, sampler.max_aspect_ratio, count)
    ratio = np.clip(ratio, scale**2, 1 / scale**2)  # so that no side is longer than the image's
    sides = np.minimum(np.stack((scale * np.sqrt(ratio), scale / np.sqrt(ratio)), axis=1), 1)
    corners = generator.random((count, 2)) * (1 - sides)
    return np.concatenate((corners, corners + sides), axis=1)


def _fits(pieces: Array, boxes: Array, constraint: Any) -> Array:
    """Return which pieces have a box within all limits that are given."""
    limits = [(name, end) for name in _LIMITS for end in ("min", "max") if constraint.HasField(f"{end}_{name}")]
    if not limits:
        return np.ones(len(pieces), bool)
    common = shared(pieces[:, None], boxes[None])
    own, other = area(pieces)[:, None], area(boxes)[None]
    with np.errstate(divide="ignore", invalid="ignore"):
        parts = (common / (own + other - common), common / own, common / other)
    values = {name: np.nan_to_num(part) for name, part in zip(_LIMITS, parts, strict=True)}
    compare = {"min": np.greater_equal, "max": np.less_equal}
    good = [compare[end](values[name], getattr(constraint, f"{end}_{name}")) for name, end in limits]
    fitting: Array = np.logical_and.reduce(good).any(1)
    return fitting


def project(boxes: Array, piece: Array, constraint: Any | None) -> tuple[Array, Array]:
    """Return boxes as they lie in a piece of the image, cut to it, and which of them stay with it.

    Args:
        boxes: (M, 4).
        piece: (4,); it may reach beyond the image.
        constraint: An EmitConstraint message, or None.
    """
    stays = shared(piece, boxes) > 0
    if constraint is not None and constraint.emit_type == messages.EmitConstraint.CENTER:
        centers = (boxes[:, :2] + boxes[:, 2:]) / 2
        stays &= ((centers >= piece[:2]) & (centers <= piece[2:])).all(1)
    elif constraint is not None:
        with np.errstate(divide="ignore", invalid="ignore"):
            stays &= np.nan_to_num(shared(piece, boxes) / area(boxes)) > constraint.emit_overlap
    moved = np.clip((boxes - np.tile(piece[:2], 2)) / np.tile(piece[2:] - piece[:2], 2), 0, 1)
    return moved, stays & (area(moved) > 0)


def cut(image: Array, piece: Array) -> Array:
    """Return the pixels of a piece of an image, channels x height x width; one at least."""
    height, width = image.shape[1:]
    left, top, right, bottom = np.clip(piece, 0, 1) * (width, height, width, height)
    column, row = min(int(left), width - 1), min(int(top), height - 1)
    rows, columns = max(1, int(bottom - top)), max(1, int(right - left))
    return np.ascontiguousarray(image[:, row : row + rows, column : column + columns])


def enlarge(image: Array, ratio: float, color: Array, generator: np.random.Generator) -> tuple[Array, Array]:
    """Put an image anywhere on a larger canvas; return that, and where its edges lie in parts of the image.

    Args:
        image: Channels x height x width.
        ratio: Factor on height and width.
        color: One number for each channel, or one.
        generator: Draws the place.
    """
    channels, height, width = image.shape
    rows, columns = int(height * ratio), int(width * ratio)
    top, left = int(generator.uniform(0, rows - height)), int(generator.uniform(0, columns - width))
    canvas = np.empty((channels, rows, columns), image.dtype)
    canvas[...] = color.astype(image.dtype)[:, None, None]
    canvas[:, top : top + height, left : left + width] = image
    edges = (-left / width, -top / height, (columns - left) / width, (rows - top) / height)
    return canvas, np.array(edges)
