"""The family of layers that slide learned filters over an image."""

from __future__ import annotations

from collections.abc import Sequence

from pycaffelite.blob import Array, Blob, Shape
from pycaffelite.layers.base import Layout, ParamLayout
from pycaffelite.layers.sliding import Sliding, check_groups, plan_convolution, same_shape
from pycaffelite.layers.windows import slide


class Convolving(Sliding):
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
        sizes = slide(shape[axis + 1 :], windows, shape)
        params = [ParamLayout((outputs, shape[axis] // group, *windows.kernel), self.fields.weight_filler)]
        if self.fields.bias_term:
            params.append(ParamLayout((outputs,), self.fields.bias_filler))
        return Layout([(*shape[:axis], outputs, *sizes)] * len(bottom_shapes), params)

    def prepare(self, bottom_shapes: Sequence[Shape]) -> None:
        """Plan the products."""
        shape = bottom_shapes[0]
        axis, windows = self.windows(shape)
        self.products, self.plan = plan_convolution(
            shape, axis, windows, self.counts(shape[axis]), self.params[0].dtype
        )

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Write y."""
        self.forward_fused(bottom, top, self.params[0].data.reshape(-1)[:0], self.own_shift())

    def can_fuse(self, axis: int | None) -> bool:
        """Return whether the axis is that of the channels, where no rank of the bottom moves it."""
        return axis is None or axis == self.fields.axis

    def own_shift(self) -> Array:
        """Return the bias."""
        return self.params[1].data if self.fields.bias_term else self.params[0].data.reshape(-1)[:0]

    def forward_fused(
        self, bottom: Sequence[Blob], top: Sequence[Blob], scale: Array, shift: Array, slope: float | None = None
    ) -> None:
        """Write y = act(scale[o] (sum over c, k) + shift[o]), where act(v) = v if v > 0 else slope v.

        Args:
            bottom: The bottoms.
            top: The tops.
            scale: A number for each output channel, of the net's float type; empty: 1.
            shift: The same, in the place of the bias; empty: 0.
            slope: None: act(v) = v.
        """
        weights = self.params[0].data.reshape(-1)
        for x, y in zip(bottom, top, strict=True):
            self.products.forward(self.plan, x.data.reshape(-1), weights, shift, y.data.reshape(-1), scale, slope)

    def backward(self, top: Sequence[Blob], wanted: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """Write dx; add to dw and dbias."""
        weights = self.params[0].data.reshape(-1)
        nothing = weights[:0]
        diffs = [
            blob.diff.reshape(-1) if wants else nothing
            for blob, wants in zip(self.params, self.wanted_params, strict=True)
        ]
        dw, dbias = (*diffs, nothing)[:2]
        for y, wants, x in zip(top, wanted, bottom, strict=True):
            dy = y.diff.reshape(-1)
            if dw.size or dbias.size:
                self.products.weight_gradient(self.plan, x.data.reshape(-1), dy, dw, dbias)
            if wants:
                self.products.data_gradient(self.plan, weights, dy, x.diff.reshape(-1))
