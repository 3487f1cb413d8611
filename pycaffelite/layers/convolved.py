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
        fields: The message; whether there is a bias is its `bias_term`.
        products: The module of the kernels; see `kernels.convolution_choice`.
        plan: Their plan. A subclass makes both in `prepare`.
    """

    fields: Any
    products: Any
    plan: Any

    def macs(self, bottom_shapes: Sequence[Shape], layout: Layout) -> int:
        """Count: each number of a top comes from one filter."""
        return sum(map(math.prod, layout.tops)) * math.prod(layout.params[0].shape[1:])

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Write y."""
        self.forward_fused(bottom, top, self.params[0].data.reshape(-1)[:0], self.own_shift())

    def own_shift(self) -> Array:
        """Return the bias."""
        return self.params[1].data.reshape(-1) if self.fields.bias_term else self.params[0].data.reshape(-1)[:0]

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
