"""Bias: a summand for each channel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from pycaffelite.blob import Array, Blob, Shape
from pycaffelite.kernels import scale
from pycaffelite.layers.base import Arity, Context, Epilogue, Layer, Layout, ParamLayout
from pycaffelite.layers.registry import register
from pycaffelite.layers.stretching import check_num_axes, own_shape, three_axes


@register("Bias")
class Bias(Layer):
    """Add summands that stretch over the axes before and behind their own.

    y[o,c,s] = x[o,c,s] + bias[c]

    c counts the elements of num_axes axes of x from `axis` on, o the axes before them, s those behind.

    Bottoms: x, any shape; optionally bias, whose shape is that of some axes of x from `axis` on.
    Tops: y, the shape of x; may be x itself.
    Params: bias, the shape of those axes, unless it is the second bottom.
    Fields: `bias_param`: axis (1), negative from the back; num_axes (1), -1 for all that follow, 0 for a single
        number, meaningless with two bottoms; filler (constant 0).
    Backward: dx = dy; dbias[c] = sum over o and s of dy.
    Errors: axis or num_axes reach past the axes of x; num_axes is less than -1; the second bottom does not fit.
    Source: Caffe's BiasLayer.
    """

    arity: ClassVar[Arity] = Arity(bottoms=(1, 2), in_place=True)

    def __init__(self, message: Any, context: Context) -> None:
        super().__init__(message, context)
        self.fields = message.bias_param
        self.view: Shape = ()
        check_num_axes(self.fields)

    def layout(self, bottom_shapes: Sequence[Shape]) -> Layout:
        """Return one top like the first bottom, and the parameter."""
        shape = bottom_shapes[0]
        summands = bottom_shapes[1] if len(bottom_shapes) > 1 else own_shape(self.fields, shape)
        three_axes(self.fields.axis, shape, summands)
        filler = self.fields.filler if self.fields.HasField("filler") else None
        return Layout([shape], [ParamLayout(summands, filler)] if len(bottom_shapes) == 1 else [])

    def prepare(self, bottom_shapes: Sequence[Shape]) -> None:
        """Find o, c and s."""
        summands = bottom_shapes[1] if len(bottom_shapes) > 1 else own_shape(self.fields, bottom_shapes[0])
        self.view = three_axes(self.fields.axis, bottom_shapes[0], summands)

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Write y."""
        x, y = bottom[0].data.reshape(self.view), top[0].data.reshape(self.view)
        summands = self._bias(bottom).flat_data
        scale.transform_channels(x, np.zeros_like(summands), np.ones_like(summands), summands, y)

    def backward(self, top: Sequence[Blob], wanted: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """Write dx, and the gradient of the second bottom, or add to that of the parameter."""
        bias = self._bias(bottom)
        if len(bottom) > 1 and wanted[1]:
            bias.diff.fill(0)
        if wanted[1] if len(bottom) > 1 else self.wanted_params[0]:
            scale.add_sums(top[0].diff.reshape(self.view), bias.flat_diff)
        if wanted[0] and bottom[0] is not top[0]:
            np.copyto(bottom[0].diff, top[0].diff)

    def epilogue(self) -> Epilogue | None:
        """Return its own summands for axis 1; those of a second bottom may not be there yet."""
        own = len(self.message.bottom) == 1 and self.fields.axis == 1 and self.fields.num_axes == 1
        return Epilogue(self._fold, axis=1) if own else None

    def _fold(self, _factors: Array, shifts: Array) -> None:
        np.add(shifts, self.params[0].data, out=shifts)

    def _bias(self, bottom: Sequence[Blob]) -> Blob:
        return bottom[1] if len(bottom) > 1 else self.params[0]
