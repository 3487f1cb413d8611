"""Scale: a factor, and maybe a shift, for each channel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pycaffelite.blob import Array, Blob, Shape
from pycaffelite.kernels import fold, scale
from pycaffelite.layers.base import Arity, Context, Epilogue, Layer, Layout, ParamLayout
from pycaffelite.layers.registry import register
from pycaffelite.layers.stretching import check_num_axes, own_shape, three_axes
from pycaffelite.schema import messages


@register("Scale")
class Scale(Layer):
    """Multiply by factors that stretch over the axes before and behind their own, and maybe add shifts of that shape.

    y[o,c,s] = scale[c] x[o,c,s] + bias[c]

    c counts the elements of num_axes axes of x from `axis` on, o the axes before them, s those behind.

    Bottoms: x, any shape; optionally scale, whose shape is that of some axes of x from `axis` on.
    Tops: y, the shape of x; may be x itself.
    Params: scale, the shape of those axes, unless it is the second bottom; bias, the same shape, with bias_term.
    Fields: `scale_param`: axis (1), negative from the back; num_axes (1), -1 for all that follow, 0 for a single
        factor, meaningless with two bottoms; filler (constant 1); bias_term (false); bias_filler (constant 0).
    Backward: dx = scale dy; dscale[c] = sum over o and s of x dy; dbias[c] = sum over o and s of dy.
    Errors: axis or num_axes reach past the axes of x; num_axes is less than -1; the second bottom does not fit.
    Source: Caffe's Scale layer.
    """

    arity = Arity(bottoms=(1, 2), in_place=True)

    def __init__(self, message: Any, context: Context) -> None:
        super().__init__(message, context)
        self.fields = message.scale_param
        self.has_bias: bool = self.fields.bias_term
        self.in_place = list(message.top[:1]) == list(message.bottom[:1])
        self.view: Shape = ()
        check_num_axes(self.fields)

    def layout(self, bottom_shapes: Sequence[Shape]) -> Layout:
        """Return one top like the first bottom, the parameters and, in place, room for a copy of x."""
        shape = bottom_shapes[0]
        factors = bottom_shapes[1] if len(bottom_shapes) > 1 else own_shape(self.fields, shape)
        three_axes(self.fields.axis, shape, factors)
        filler = self.fields.filler if self.fields.HasField("filler") else messages.FillerParameter(value=1)
        bias_filler = self.fields.bias_filler if self.fields.HasField("bias_filler") else None
        params = [ParamLayout(factors, filler)] if len(bottom_shapes) == 1 else []
        params += [ParamLayout(factors, bias_filler)] if self.has_bias else []
        return Layout([shape], params, {"x": (shape, None)} if self.in_place else {})

    def prepare(self, bottom_shapes: Sequence[Shape]) -> None:
        """Find o, c and s."""
        factors = bottom_shapes[1] if len(bottom_shapes) > 1 else own_shape(self.fields, bottom_shapes[0])
        self.view = three_axes(self.fields.axis, bottom_shapes[0], factors)

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Write y."""
        if self.in_place:
            np.copyto(self.buffers["x"], bottom[0].data)
        self.forward_alone(bottom, top)

    def forward_alone(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Write y and keep nothing."""
        x, y = bottom[0].data.reshape(self.view), top[0].data.reshape(self.view)
        factors = self._scale(bottom).flat_data
        zeros = np.zeros_like(factors)
        scale.transform_channels(x, zeros, factors, self.params[-1].flat_data if self.has_bias else zeros, y)

    def backward(self, top: Sequence[Blob], wanted: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """Add to the gradients of the parameters, or write that of the second bottom; write dx last: it may be dy."""
        dy = top[0].diff.reshape(self.view)
        if self.has_bias and self.wanted_params[-1]:
            scale.add_sums(dy, self.params[-1].flat_diff)
        factors = self._scale(bottom)
        if len(bottom) > 1:
            if wanted[1]:
                factors.diff.fill(0)
                self._add_products(bottom, dy, factors)
        elif self.wanted_params[0]:
            self._add_products(bottom, dy, factors)
        if wanted[0]:
            scale.scale_channels(dy, factors.flat_data, bottom[0].diff.reshape(self.view))

    def epilogue(self) -> Epilogue | None:
        """Return its own factors for axis 1; those of a second bottom may not be there yet."""
        own = len(self.message.bottom) == 1 and self.fields.axis == 1 and self.fields.num_axes == 1
        return Epilogue(self._fold, axis=1) if own else None

    def _fold(self, factors: Array, shifts: Array) -> None:
        own = self.params[0].data
        fold.fold_scale(own, self.params[1].data if self.has_bias else own[:0], factors, shifts)

    def _scale(self, bottom: Sequence[Blob]) -> Blob:
        return bottom[1] if len(bottom) > 1 else self.params[0]

    def _add_products(self, bottom: Sequence[Blob], dy: Array, factors: Blob) -> None:
        x = self.buffers["x"] if self.in_place else bottom[0].data
        scale.add_products(x.reshape(self.view), dy, factors.flat_diff)
