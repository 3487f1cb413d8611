"""LRN: local response normalization."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pycaffelite.blob import Array, Blob, Shape
from pycaffelite.errors import FieldError, ShapeError
from pycaffelite.kernels import lrn
from pycaffelite.layers.base import Context, Layer, Layout, shape_text
from pycaffelite.layers.registry import register
from pycaffelite.schema import messages


@register("LRN")
class LRN(Layer):
    """Divide each element by a power of the sum of squares in its neighbourhood: bright places dim their neighbours.

    y[i] = x[i] d[i]^-beta

    ACROSS_CHANNELS: d[n,c,h,w] = k + alpha / local_size (sum of x[n,j,h,w]^2 over local_size channels j around c).
    WITHIN_CHANNEL: d[n,c,h,w] = 1 + alpha / local_size^2 (sum of x[n,c,i,j]^2 over local_size x local_size positions
    around h, w). Neighbours beyond the borders count as 0 and are not left out of the divisor.

    Bottoms: x, N x C x H x W.
    Tops: y, the shape of x.
    Params: none.
    Fields: `lrn_param`: local_size (5), odd; alpha (1); beta (0.75); norm_region (ACROSS_CHANNELS); k (1), which
        WITHIN_CHANNEL ignores; engine (ignored).
    Backward: dx = dy d^-beta - 2 a beta x (sum of dy y / d over the neighbourhood), with a the factor of the sum in d.
    Errors: local_size is even; the bottom does not have four axes.
    Source: Krizhevsky, Sutskever and Hinton, ImageNet Classification with Deep Convolutional Neural Networks, 2012.
    """

    def __init__(self, message: Any, context: Context) -> None:
        super().__init__(message, context)
        fields = message.lrn_param
        self.size: int = fields.local_size
        self.beta: float = fields.beta
        self.across = fields.norm_region == messages.LRNParameter.ACROSS_CHANNELS
        if self.size % 2 == 0:
            raise FieldError(
                "local_size is even",
                expected="an odd local_size, so that the neighbourhood has a middle",
                got=f"local_size {self.size}",
                hint=f"write `local_size: {self.size + 1}`",
            )
        self.k: float = fields.k if self.across else 1.0
        self.factor: float = fields.alpha / (self.size if self.across else self.size**2)

    def layout(self, bottom_shapes: Sequence[Shape]) -> Layout:
        """Return one top like the bottom; d and, within channels, its power and room for window sums."""
        shape = bottom_shapes[0]
        if len(shape) != 4:
            raise ShapeError(
                "LRN needs four axes", expected="N x C x H x W", got=f"bottom of shape {shape_text(shape)}"
            )
        names = ("divisor",) if self.across else ("divisor", "power", "values", "rows", "sums")
        return Layout([shape], buffers=dict.fromkeys(names, (shape, None)))

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Write y, and keep what backward needs."""
        if self.across:
            self._forward_across(bottom, top, self.buffers["divisor"].reshape(-1))
            return
        x, y = bottom[0].flat_data, top[0].flat_data
        divisor, power, values, sums = self._flat("divisor", "power", "values", "sums")
        lrn.square(x, values)
        self._sum_within(bottom[0].shape)
        lrn.forward(x, sums, self.k, self.factor, self.beta, divisor, power, y)

    def forward_alone(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Write y."""
        if self.across:
            self._forward_across(bottom, top, self.buffers["divisor"].reshape(-1)[:0])
        else:
            self.forward(bottom, top)

    def backward(self, top: Sequence[Blob], wanted: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """Write dx."""
        if not wanted[0]:
            return
        if self.across:
            x, dx, dy = (_channels(array) for array in (bottom[0].data, bottom[0].diff, top[0].diff))
            divisor = self.buffers["divisor"].reshape(-1)
            lrn.backward_across(x, self.size, self.factor, self.beta, divisor, dy, dx)
            return
        x, dx, dy = bottom[0].flat_data, bottom[0].flat_diff, top[0].flat_diff
        divisor, power, values, sums = self._flat("divisor", "power", "values", "sums")
        lrn.weighted_ratio(x, divisor, power, dy, values)
        self._sum_within(bottom[0].shape)
        lrn.backward(x, power, sums, 2 * self.factor * self.beta, dy, dx)

    def _flat(self, *names: str) -> list[Array]:
        return [self.buffers[name].reshape(-1) for name in names]

    def _forward_across(self, bottom: Sequence[Blob], top: Sequence[Blob], divisor: Array) -> None:
        x, y = _channels(bottom[0].data), _channels(top[0].data)
        lrn.forward_across(x, self.size, self.k, self.factor, self.beta, divisor, y)

    def _sum_within(self, shape: Shape) -> None:
        """Sum the buffer `values` over the neighbourhood of each element, into the buffer `sums`."""
        view = (shape[0] * shape[1], shape[2], shape[3])
        values, rows, sums = (self.buffers[name].reshape(view) for name in ("values", "rows", "sums"))
        lrn.sum_within(values, self.size, rows, sums)


def _channels(array: Array) -> Array:
    """Return an array of images as N x C x S."""
    return array.reshape(array.shape[0], array.shape[1], -1)
