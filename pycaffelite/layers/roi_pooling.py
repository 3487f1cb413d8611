"""ROIPooling: a grid of maxima for each region of interest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from pycaffelite.blob import Array, Blob, Shape
from pycaffelite.errors import FieldError
from pycaffelite.kernels import roi_pooling
from pycaffelite.kernels.permute import permute
from pycaffelite.layers.base import Arity, Context, Layer, Layout
from pycaffelite.layers.regions import Numbers, check_regions, gather, read_regions, round_half_away
from pycaffelite.layers.registry import register
from pycaffelite.layers.windows import LARGEST


@register("ROIPooling")
class ROIPooling(Layer):
    """Lay a grid of bins over each region of interest and take the maximum of each bin.

    y[r,c,p,q] = max of x[n,c,h,w] over h0 + floor(p l) <= h < h0 + ceil((p+1) l), and likewise w
    h0, h1 = round(scale y0), round(scale y1); l = max(h1 - h0 + 1, 1) / pooled_h; bins are cut to x

    Bottoms: x, N x C x H x W; regions, R x 5: image, then left, top, right and bottom in pixels, both ends included.
    Tops: y, R x C x pooled_h x pooled_w; 0 where a bin lies outside x.
    Params: none.
    Fields: `roi_pooling_param`: pooled_h, pooled_w; spatial_scale (1), places of x for each pixel.
    Backward: dy goes to the place of its maximum, of equals the first in row-major order; regions get none.
    Errors: no pooled_h or pooled_w; bottoms of other shapes; a region in no image.
    Source: Girshick, Fast R-CNN, 2015. Bins are computed in float32, halves rounded away from zero, as there.
    """

    arity: ClassVar[Arity] = Arity(bottoms=(2, 2))
    no_gradient_to: ClassVar[frozenset[int]] = frozenset({1})
    takes_as_given: ClassVar[bool] = True

    def __init__(self, message: Any, context: Context) -> None:
        super().__init__(message, context)
        fields = message.roi_pooling_param
        self.grid = (int(fields.pooled_h), int(fields.pooled_w))
        self.scale = np.float32(fields.spatial_scale)
        if min(self.grid) < 1 or max(self.grid) > LARGEST:
            raise FieldError(
                "there are no bins",
                expected="pooled_h and pooled_w of at least 1",
                got=f"{self.grid[0]} and {self.grid[1]}",
            )
        self.bins: Numbers = np.zeros((0, 0), np.int64)

    def layout(self, bottom_shapes: Sequence[Shape]) -> Layout:
        """Return the top; room for x and y with channels last, and for the places of the maxima."""
        check_regions(bottom_shapes)
        x, regions = bottom_shapes
        turned = (regions[0], *self.grid, x[1])
        buffers: dict[str, tuple[Shape, None]] = {
            "x": ((x[0], *x[2:], x[1]), None),
            "y": (turned, None),
            "places": (turned, None),  # integers in the bits of floats
        }
        return Layout([(regions[0], x[1], *self.grid)], buffers=buffers)

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Write y, and keep where the maxima are."""
        x = bottom[0].data
        self.bins = self._bins(bottom[1].data, x.shape)
        permute(x, (0, 2, 3, 1), self.buffers["x"])
        roi_pooling.max_forward(self.buffers["x"], self.bins, self.buffers["y"], self.buffers["places"])
        permute(self.buffers["y"], (0, 3, 1, 2), top[0].data)

    def backward(self, top: Sequence[Blob], wanted: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """Write dx."""
        if wanted[0]:
            roi_pooling.max_backward(top[0].diff, self.bins, self.buffers["places"], bottom[0].diff)

    def _bins(self, regions: Array, shape: Shape) -> Numbers:
        """Return the bins of all regions."""
        numbers, boxes = read_regions(regions, shape[0])
        edges = []
        for axis in (1, 0):  # rows, then columns
            begin, end = (round_half_away(boxes[:, [i]] * self.scale) for i in (axis, 2 + axis))
            bins = self.grid[1 - axis]
            size = np.maximum(end - begin + 1, 1) / np.float32(bins)
            steps = np.arange(bins + 1, dtype=np.float32)
            edges.append((begin + np.floor(steps[:-1] * size), begin + np.ceil(steps[1:] * size), shape[3 - axis]))
        return gather(numbers, edges)
