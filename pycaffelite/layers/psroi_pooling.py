"""PSROIPooling: a grid of means for each region of interest, each from channels of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from pycaffelite.blob import Array, Blob, Shape
from pycaffelite.errors import FieldError, ShapeError
from pycaffelite.kernels import roi_pooling
from pycaffelite.layers.base import Arity, Context, Layer, Layout, shape_text
from pycaffelite.layers.regions import Numbers, check_regions, gather, read_regions, round_half_away
from pycaffelite.layers.registry import register
from pycaffelite.layers.windows import LARGEST


@register("PSROIPooling")
class PSROIPooling(Layer):
    """Lay a square grid of bins over each region of interest and take the mean of each bin, from channels of its own.

    y[r,k,p,q] = mean of x[n,(k G + p) G + q,h,w] over floor(h0 + p l) <= h < ceil(h0 + (p+1) l), and likewise w
    h0 = scale round(y0), l = max(scale (round(y1) + 1) - h0, 0.1) / G; bins are cut to x

    Bottoms: x, N x K G^2 x H x W; regions, R x 5: image, then left, top, right and bottom in pixels, both ends
        included.
    Tops: y, R x K x G x G; 0 where a bin lies outside x.
    Params: none.
    Fields: `psroi_pooling_param`: spatial_scale, places of x for each pixel; output_dim, K; group_size, G.
    Backward: each place of a bin gets dy / places of the bin; regions get none.
    Errors: a field missing or not above 0; channels other than K G^2; a region in no image.
    Source: Dai et al., R-FCN, 2016. Bins are computed in float32, halves rounded away from zero, as there.
    """

    arity: ClassVar[Arity] = Arity(bottoms=(2, 2))
    no_gradient_to: ClassVar[frozenset[int]] = frozenset({1})
    takes_as_given: ClassVar[bool] = True

    def __init__(self, message: Any, context: Context) -> None:
        super().__init__(message, context)
        fields = message.psroi_pooling_param
        for name in ("spatial_scale", "output_dim", "group_size"):
            value = getattr(fields, name)
            if not 0 < value <= LARGEST:
                got = f"{value:g}" if fields.HasField(name) else "none"
                raise FieldError(f"{name} is missing or out of range", expected=f"{name} above 0", got=got)
        self.scale = np.float32(fields.spatial_scale)
        self.depth: int = fields.output_dim
        self.group: int = fields.group_size
        self.bins: Numbers = np.zeros((0, 0), np.int64)

    def layout(self, bottom_shapes: Sequence[Shape]) -> Layout:
        """Return the top."""
        check_regions(bottom_shapes)
        x, regions = bottom_shapes
        channels = self.depth * self.group**2
        if x[1] != channels:
            raise ShapeError(
                "the number of channels does not fit the bins",
                expected=f"{channels} channels: output_dim {self.depth} times {self.group} x {self.group} bins",
                got=f"bottom of shape {shape_text(x)}",
            )
        return Layout([(regions[0], self.depth, self.group, self.group)])

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Write y."""
        x = bottom[0].data
        self.bins = self._bins(bottom[1].data, x.shape)
        roi_pooling.mean_forward(x, self.bins, top[0].data)

    def backward(self, top: Sequence[Blob], wanted: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """Write dx."""
        if wanted[0]:
            roi_pooling.mean_backward(top[0].diff, self.bins, bottom[0].diff)

    def _bins(self, regions: Array, shape: Shape) -> Numbers:
        """Return the bins of all regions."""
        numbers, boxes = read_regions(regions, shape[0])
        edges = []
        for axis in (1, 0):  # rows, then columns
            begin = round_half_away(boxes[:, [axis]]) * self.scale
            end = (round_half_away(boxes[:, [2 + axis]]) + 1) * self.scale
            size = np.maximum(end - begin, np.float32(0.1)) / np.float32(self.group)
            steps = np.arange(self.group + 1, dtype=np.float32)
            edges.append((np.floor(steps[:-1] * size + begin), np.ceil(steps[1:] * size + begin), shape[3 - axis]))
        return gather(numbers, edges)
