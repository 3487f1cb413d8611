"""The family of layers that slide learned filters over an image."""

from __future__ import annotations

from collections.abc import Sequence

from pycaffelite.blob import Shape
from pycaffelite.errors import ShapeError
from pycaffelite.layers.base import Layout, ParamLayout
from pycaffelite.layers.convolved import Convolved
from pycaffelite.layers.sliding import Sliding, check_groups, plan_convolution, same_shape
from pycaffelite.layers.windows import places, slide


class Convolving(Convolved, Sliding):
    """Base of convolutions, which differ in how many filters they have and in how many groups.

    Fields: `convolution_param`: kernel_size, stride, pad, dilation, axis, bias_term, weight_filler, bias_filler.
    """

    def counts(self, channels: int) -> tuple[int, int]:
        """Return how many outputs and how many groups there are over that many channels."""
        raise NotImplementedError

    def layout(self, bottom_shapes: Sequence[Shape]) -> Layout:
        """Return a top for each bottom, the filters and the bias."""
        shape = same_shape(bottom_shapes)
        axis, windows = self.windows(shape)
        outputs, group = self.counts(shape[axis])
        check_groups(shape, axis, group)
        lengths = shape[axis + 1 :]
        tops = [(*shape[:axis], outputs, *places(lengths, windows))] * len(bottom_shapes)
        try:
            slide(lengths, windows, shape)
        except ShapeError as problem:
            problem.tops = tuple(tops) if min(tops[0]) >= 0 else ()
            raise
        params = [ParamLayout((outputs, shape[axis] // group, *windows.kernel), self.fields.weight_filler)]
        if self.fields.bias_term:
            params.append(ParamLayout((outputs,), self.fields.bias_filler))
        return Layout(tops, params)

    def prepare(self, bottom_shapes: Sequence[Shape]) -> None:
        """Plan the products."""
        shape = bottom_shapes[0]
        axis, windows = self.windows(shape)
        self.products, self.plan = plan_convolution(
            shape, axis, windows, self.counts(shape[axis]), self.params[0].dtype
        )

    def can_fuse(self, axis: int | None) -> bool:
        """Return whether the axis is that of the channels, where no rank of the bottom moves it."""
        return axis is None or axis == self.fields.axis
