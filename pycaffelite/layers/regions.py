"""The family of layers that work on regions of interest, and compare boxes."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from pycaffelite.blob import Array, Shape
from pycaffelite.errors import DataError, ShapeError
from pycaffelite.layers.base import shape_text

_FAR = np.float32(1e9)  # pixels: farther than any image reaches
Numbers = npt.NDArray[np.int64]


def check_regions(bottom_shapes: Sequence[Shape]) -> None:
    """Raise ShapeError unless the bottoms are images and regions of five numbers."""
    x, regions = bottom_shapes
    if len(x) != 4 or not len(regions) or int(np.prod(regions[1:])) != 5:
        raise ShapeError(
            "regions of interest in images are needed",
            expected="bottoms N x C x H x W and R x 5",
            got=f"bottoms {shape_text(x)} and {shape_text(regions)}",
        )


def check_elements(bottom_shapes: Sequence[Shape]) -> None:
    """Raise ShapeError unless all bottoms have as many records, and elements a record, as the first."""
    first = bottom_shapes[0]
    for i, shape in enumerate(bottom_shapes):
        if not shape or shape[0] != first[0] or math.prod(shape) != math.prod(first):
            raise ShapeError(
                "the bottoms differ in their elements",
                expected=f"as many records, and elements a record, as in bottom 0 of shape {shape_text(first)}",
                got=f"bottom {i} of shape {shape_text(shape)}",
            )


def read_images(numbers: Array) -> Numbers:
    """Return the numbers of images as integers; DataError for those below 0 or no number."""
    wrong = np.flatnonzero(~((numbers > -1) & (numbers < _FAR)))
    if wrong.size:
        raise DataError(
            "a region of interest lies in no image",
            expected="image numbers from 0 on",
            got=f"image {numbers[wrong[0]]:g}, in region {wrong[0]}",
        )
    return numbers.astype(np.int64)


def read_regions(regions: Array, images: int) -> tuple[Numbers, Array]:
    """Return the image of each region, and its left, top, right and bottom edge: (R,) and (R, 4), finite float32.

    Raises:
        DataError: There is no such image.
    """
    rows = regions.reshape(regions.shape[0], 5).astype(np.float32)
    wrong = np.flatnonzero(~((rows[:, 0] > -1) & (rows[:, 0] < images)))
    if wrong.size:
        raise DataError(
            "a region of interest lies in no image",
            expected=f"image numbers from 0 to {images - 1}",
            got=f"image {rows[wrong[0], 0]:g}, in region {wrong[0]}",
        )
    edges = np.clip(np.nan_to_num(rows[:, 1:], nan=0.0), -_FAR, _FAR)
    return rows[:, 0].astype(np.int64), edges


def round_half_away(values: Array) -> Array:
    """Round to whole numbers, halves away from zero as in C, where NumPy rounds them to even ones."""
    rounded: Array = np.trunc(values + np.copysign(values.dtype.type(0.5), values))
    return rounded


def gather(numbers: Numbers, edges: Sequence[tuple[Array, Array, int]]) -> Numbers:
    """Return the bins as kernels take them, cut to the images.

    Args:
        numbers: (R,), the image of each region.
        edges: For rows, then for columns: firsts and ends of bins, (R, P) whole numbers as floats, and the length of
            the image along that axis.
    """
    columns = [numbers[:, None]]
    for first, end, length in edges:
        pair = np.stack((first, end), axis=-1)
        whole = np.clip(pair, 0, length).astype(np.int64)
        columns.append(whole.reshape(len(numbers), 2 * first.shape[1]))
    return np.concatenate(columns, axis=1)
