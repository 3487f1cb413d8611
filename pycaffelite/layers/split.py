"""One bottom for several readers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from pycaffelite.blob import Blob, Shape
from pycaffelite.kernels import eltwise
from pycaffelite.layers.base import Arity, Layer, Layout
from pycaffelite.layers.registry import register


@register("Split")
class Split(Layer):
    """Give each reader of a blob a top of its own, so that their gradients can be summed.

    y_t = x.

    Bottoms: x, any shape.
    Tops: one or more, each as x; their data may be the bottom's own array, and then nothing is copied.
    Params: none.
    Fields: none. The net puts these layers in by itself.
    Backward: dx = Σ_t dy_t, in the order of the tops.
    Errors: none.
    Source: Caffe's SplitLayer.
    """

    arity: ClassVar[Arity] = Arity(tops=(1, None))

    def layout(self, bottom_shapes: Sequence[Shape]) -> Layout:
        """Return the bottom's shape for every top."""
        return Layout([bottom_shapes[0]] * len(self.message.top))

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Copy the data to the tops that do not share it."""
        for blob in top:
            if blob.data is not bottom[0].data:
                blob.data[...] = bottom[0].data

    def leaves_alone(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> bool:
        """Return whether all tops share the data."""
        return all(blob.data is bottom[0].data for blob in top)

    def backward(self, top: Sequence[Blob], wanted: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """Sum the diffs of the tops."""
        if not wanted[0]:
            return
        dx = bottom[0].flat_diff
        diffs = [blob.flat_diff for blob in top]
        if len(diffs) == 1:
            dx[...] = diffs[0]
            return
        if len(diffs) == 2:
            eltwise.weighted_sum(diffs[0], 1.0, diffs[1], 1.0, dx)
            return
        eltwise.sum_of_three(diffs[0], diffs[1], diffs[2], dx)
        for dy in diffs[3:]:
            eltwise.weighted_sum(dx, 1.0, dy, 1.0, dx)
