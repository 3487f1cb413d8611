"""BoxAnnotatorOHEM: only the hardest regions keep their labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from pycaffelite.blob import Blob, Shape
from pycaffelite.errors import FieldError, ShapeError
from pycaffelite.layers.base import Arity, Context, Layer, Layout, shape_text
from pycaffelite.layers.regions import read_images
from pycaffelite.layers.registry import register


@register("BoxAnnotatorOHEM")
class BoxAnnotatorOHEM(Layer):
    """Keep labels and box weights of the regions with the largest losses in each image, and hide those of the others.

    Of each image the roi_per_img regions with the largest losses are kept, of equals the first.

    Bottoms: regions, R x 5 x any further axes, the first of the five the image; losses, R x 1 x the same axes; labels,
        as losses; box weights, R x C x the same axes.
    Tops: labels, ignore_label where a region is not kept; box weights, 0 there.
    Params: none.
    Fields: `box_annotator_ohem_param`: roi_per_img; ignore_label (-1).
    Backward: none.
    Errors: no roi_per_img; bottoms that do not fit; a region in an image below 0.
    Source: Shrivastava, Gupta and Girshick, Online hard example mining, 2016; the R-FCN fork's layer.
    """

    arity: ClassVar[Arity] = Arity(bottoms=(4, 4), tops=(2, 2))
    constant: ClassVar[bool] = True

    def __init__(self, message: Any, context: Context) -> None:
        super().__init__(message, context)
        fields = message.box_annotator_ohem_param
        self.most: int = fields.roi_per_img
        self.ignored: int = fields.ignore_label
        if self.most < 1:
            raise FieldError(
                "roi_per_img is missing or 0", expected="how many regions of an image are kept", got=str(self.most)
            )

    def layout(self, bottom_shapes: Sequence[Shape]) -> Layout:
        """Return the tops, like the labels and the box weights."""
        regions, losses, labels, weights = bottom_shapes
        count, *plain = ((shape[:1], _further_axes(shape)) for shape in (regions, losses, labels, weights))
        single = all(shape[1:2] in ((), (1,)) for shape in (losses, labels))
        if regions[1:2] != (5,) or not single or any(shape != count for shape in plain):
            raise ShapeError(
                "the bottoms do not fit",
                expected="R x 5, R x 1, R x 1 and R x C, with the same further axes",
                got=", ".join(map(shape_text, bottom_shapes)),
            )
        return Layout([labels, weights])

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Write what is kept."""
        regions = bottom[0].data
        count, places = regions.shape[0], regions[0, 0].size if regions.size else 1
        images = read_images(regions.reshape(count, 5, places)[:, 0].reshape(-1))
        order = np.argsort(-bottom[1].flat_data, kind="stable")
        kept = np.zeros(count * places, bool)
        for image in np.unique(images):
            kept[order[images[order] == image][: self.most]] = True
        top[0].flat_data[:] = np.where(kept, bottom[2].flat_data, self.ignored)
        mask = kept.reshape(count, 1, places)
        weights = (count, top[1].count // max(1, count * places), places)
        top[1].data.reshape(weights)[...] = np.where(mask, bottom[3].data.reshape(weights), 0)


def _further_axes(shape: Shape) -> Shape:
    """Return the axes behind the second, without those of length 1 at the end: R x 5 is R x 5 x 1 x 1."""
    axes = shape[2:]
    while axes[-1:] == (1,):
        axes = axes[:-1]
    return axes
