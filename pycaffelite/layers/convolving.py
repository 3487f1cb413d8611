"""The family of layers that slide learned filters over an image."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from pycaffelite.blob import Array, Blob, Shape
from pycaffelite.errors import FieldError, ShapeError
from pycaffelite.kernels import convolution_nd
from pycaffelite.kernels.convolution_choice import choose
from pycaffelite.kernels.convolution_plan import Geometry
from pycaffelite.layers.base import Arity, Context, Layer, Layout, ParamLayout, canonical_axis, shape_text
from pycaffelite.layers.windows import Windows, repeated_or_pair, slide, spread_over


class Convolving(Layer):
    """Base of convolutions, which differ in how many filters they have and in how many groups.

    Fields: `convolution_param`: kernel_size, stride, pad, dilation, axis, bias_term, weight_filler, bias_filler.
    """

    arity = Arity((1, None), (1, None), pairs=True)

    def __init__(self, message: Any, context: Context) -> None:
        super().__init__(message, context)
        fields = self.fields = message.convolution_param
        self.kernel = repeated_or_pair(fields, "kernel_size", ("kernel_h", "kernel_w"), least=1)
        self.stride = repeated_or_pair(fields, "stride", ("stride_h", "stride_w"), least=1)
        self.pad = repeated_or_pair(fields, "pad", ("pad_h", "pad_w"), least=0)
        self.dilation = repeated_or_pair(fields, "dilation", None, least=1)

    def counts(self, channels: int) -> tuple[int, int]:
        """Return how many outputs and how many groups there are over that many channels."""
        raise NotImplementedError

    def layout(self, bottom_shapes: Sequence[Shape]) -> Layout:
        """Return a top for each bottom, the filters and the bias."""
        shape = bottom_shapes[0]
        for other in bottom_shapes:
            if other != shape:
                raise ShapeError(
                    "bottoms differ in shape", expected=f"all of shape {shape_text(shape)}", got=shape_text(other)
                )
        axis, windows = self._windows(shape)
        outputs, group = self.counts(shape[axis])
        if shape[axis] % group:
            raise ShapeError(
                "channels are not divisible by group",
                expected=f"a multiple of group {group} as axis {axis}",
                got=f"bottom of shape {shape_text(shape)}",
            )
        sizes = slide(shape[axis + 1 :], windows, shape)
        params = [ParamLayout((outputs, shape[axis] // group, *windows.kernel), self.fields.weight_filler)]
        if self.fields.bias_term:
            params.append(ParamLayout((outputs,), self.fields.bias_filler))
        return Layout([(*shape[:axis], outputs, *sizes)] * len(bottom_shapes), params)

    def _windows(self, shape: Shape) -> tuple[int, Windows]:
        """Return the axis of the channels, and how the windows slide."""
        axis = canonical_axis(self.fields.axis, shape)
        spatial = len(shape) - axis - 1
        if self.kernel is None and spatial:
            raise FieldError(
                "kernel_size is missing", expected="`kernel_size`, or `kernel_h` and `kernel_w`", got="none"
            )
        return axis, Windows(
            spread_over(self.kernel, spatial, 1, "kernel_size"),
            spread_over(self.stride, spatial, 1, "stride"),
            spread_over(self.pad, spatial, 0, "pad"),
            spread_over(self.dilation, spatial, 1, "dilation"),
        )

    def prepare(self, bottom_shapes: Sequence[Shape]) -> None:
        """Plan the products; up to two spatial axes go the fast way."""
        shape = bottom_shapes[0]
        axis, windows = self._windows(shape)
        images, channels, lengths = math.prod(shape[:axis]), shape[axis], shape[axis + 1 :]
        outputs, group = self.counts(channels)
        dtype = self.params[0].dtype
        if len(lengths) > 2:
            self.products: Any = convolution_nd
            sizes = slide(lengths, windows, shape)
            axes = list(zip(lengths, sizes, *vars(windows).values(), strict=True))
            self.plan: Any = convolution_nd.make_nd_plan(images, channels, outputs, axes, group, dtype)
            return
        missing = 2 - len(lengths)  # a vector is an image of one row
        height, width = (1,) * missing + lengths
        blanks = zip((1, 1, 0, 1), vars(windows).values(), strict=True)
        kernel, stride, pad, dilation = ((blank,) * missing + value for blank, value in blanks)
        self.products, self.plan = choose(
            Geometry(images, channels, height, width, outputs, kernel, stride, pad, dilation, group), dtype
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
