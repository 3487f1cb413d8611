"""The family of layers whose top is a convolution: how it runs once it is planned."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from pycaffelite.blob import Array, Blob, Shape
from pycaffelite.layers.base import Layer, Layout


class Convolved(Layer):
    """Base of convolutions of whatever message.

    Attributes:
        products: The module of the kernels; see `kernels.convolution_choice`.
        plan: Their plan. A subclass makes both in `prepare`.
    """

    products: Any
    plan: Any

    def macs(self, bottom_shapes: Sequence[Shape], layout: Layout) -> int:
        """Count: each number of a top comes from one filter."""
        return sum(map(math.prod, layout.tops)) * math.prod(layout.params[0].shape[1:])

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Write y."""
        shift = self.own_shift()
        self.forward_fused(bottom, top, shift[:0], shift)

    def own_shift(self) -> Array:
        """Return the bias."""
        return self.params[1].flat_data if len(self.params) > 1 else self.params[0].flat_data[:0]

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
        weights = self.params[0].flat_data
        for x, y in zip(bottom, top, strict=True):
            self.products.forward(self.plan, x.flat_data, weights, shift, y.flat_data, scale, slope)

    def backward(self, top: Sequence[Blob], wanted: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """Write dx; add to dw and dbias."""
        weights, dw, dbias = self.params[0].flat_data, self._gradient(0), self._gradient(1)
        for y, wants, x in zip(top, wanted, bottom, strict=True):
            if dw.size or dbias.size:
                self.products.weight_gradient(self.plan, x.flat_data, y.flat_diff, dw, dbias)
            if wants:
                self.products.data_gradient(self.plan, weights, y.flat_diff, x.flat_diff)

    def _gradient(self, index: int) -> Array:
        """Return where the gradient of a parameter goes; nothing where there is none, or none is wanted."""
        if index < len(self.params) and self.wanted_params[index]:
            return self.params[index].flat_diff
        return self.params[0].flat_diff[:0]
