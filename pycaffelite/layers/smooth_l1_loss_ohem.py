"""SmoothL1LossOHEM: the loss of each region by itself too, to choose the hard ones."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from pycaffelite.blob import Blob, Shape
from pycaffelite.errors import ShapeError
from pycaffelite.kernels import eltwise, smooth_l1_loss
from pycaffelite.layers.base import Arity, Context, Layout, shape_text
from pycaffelite.layers.loss import LossLayer, Normalization
from pycaffelite.layers.regions import check_elements
from pycaffelite.layers.registry import register


@register("SmoothL1LossOHEM")
class SmoothL1LossOHEM(LossLayer):
    """Compare two blobs by a distance that is quadratic near zero and absolute beyond, and tell each record's loss.

    loss = 1/D sum over n, i of l[n,i], l[n,i] = sum over c of f(w[n,c,i] (a[n,c,i] - b[n,c,i]))
    f(d) = d^2 / 2 where |d| < 1, else |d| - 1/2

    Bottoms: a, N x C x any further axes; b, as many elements; optionally w, likewise.
    Tops: loss (), weight 1 by default; optionally l, N x 1 x the further axes.
    Params: none.
    Fields: `loss_param`: normalization (VALID): D is all places n, i (VALID, FULL), N (BATCH_SIZE), 1 (NONE) or
        pre_fixed_normalizer (PRE_FIXED), at least 1; normalize.
    Backward: da = v/D w f'(w (a - b)), db = -da, v the loss weight; from the first top alone; w gets none.
    Errors: fewer than two axes; bottoms that differ in records or in elements.
    Source: the R-FCN fork's layer, which leaves w out of its gradient; the same where weights are 0 and 1.
    """

    arity: ClassVar[Arity] = Arity(bottoms=(2, 3), tops=(1, 2))
    no_gradient_to: ClassVar[frozenset[int]] = frozenset({2})
    takes_as_given: ClassVar[bool] = True

    def __init__(self, message: Any, context: Context) -> None:
        super().__init__(message, context)
        self.normalization = Normalization(message.loss_param, default="VALID")
        self.view = (0, 0, 0)
        self.divisor = 1.0

    def layout(self, bottom_shapes: Sequence[Shape]) -> Layout:
        """Return the scalar top, the single losses' if wanted, and room for losses and slopes."""
        check_elements(bottom_shapes)
        shape = bottom_shapes[0]
        if len(shape) < 2:
            raise ShapeError("there is no axis of channels", expected="at least two axes", got=shape_text(shape))
        tops = [(), (shape[0], 1, *shape[2:])][: max(1, len(self.message.top))]
        return Layout(tops, buffers={"slopes": (shape, None), "losses": (shape, None)})

    def prepare(self, bottom_shapes: Sequence[Shape]) -> None:
        """Find the 3-D view."""
        shape = bottom_shapes[0]
        self.view = (shape[0], shape[1], math.prod(shape[2:]))
        places = self.view[0] * self.view[2]
        self.divisor = self.normalization.divisor(self.view[0], self.view[2], places)

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Write the loss and the single losses, and keep the slopes."""
        nothing = np.zeros(0, bottom[0].dtype)
        a, b, weights = [blob.flat_data for blob in bottom] + [nothing] * (3 - len(bottom))
        slopes, losses = (self.buffers[name].reshape(-1) for name in ("slopes", "losses"))
        top[0].data[...] = smooth_l1_loss.forward(a, b, weights, nothing, 1.0, slopes, losses) / self.divisor
        if len(top) > 1:
            single = top[1].data.reshape(self.view[0], self.view[2])
            np.sum(losses.reshape(self.view), axis=1, out=single)

    def backward(self, top: Sequence[Blob], wanted: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """Write the diffs of the two blobs."""
        scale = self.weight(top) / self.divisor
        for blob, want, sign in zip(bottom[:2], wanted[:2], (1.0, -1.0), strict=True):
            if want:
                eltwise.scale(self.buffers["slopes"].reshape(-1), sign * scale, blob.flat_diff)
