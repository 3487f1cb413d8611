"""SmoothL1Loss: box offsets compared without much regard for outliers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from pycaffelite.blob import Blob, Shape
from pycaffelite.errors import FieldError
from pycaffelite.kernels import eltwise, smooth_l1_loss
from pycaffelite.layers.base import Arity, Context, Layout
from pycaffelite.layers.loss import LossLayer
from pycaffelite.layers.regions import check_elements
from pycaffelite.layers.registry import register

_NOTHING = np.zeros(0)


@register("SmoothL1Loss")
class SmoothL1Loss(LossLayer):
    """Compare two blobs by a distance that is quadratic near zero and absolute beyond.

    loss = 1/N sum over i of outside[i] f(inside[i] (a[i] - b[i]))
    f(d) = sigma^2 d^2 / 2 where |d| < 1 / sigma^2, else |d| - 1 / (2 sigma^2)

    Bottoms: a, N x ...; b, as many elements; optionally inside weights, and then optionally outside weights, likewise.
    Tops: loss (), weight 1 by default.
    Params: none.
    Fields: `smooth_l1_loss_param`: sigma (1). `loss_param` is ignored.
    Backward: da[i] = w/N outside[i] inside[i] f'(inside[i] (a[i] - b[i])), db = -da, w the loss weight; weights get
        none.
    Errors: sigma not above 0; bottoms that differ in records or in elements.
    Source: Girshick, Fast R-CNN, 2015. The SSD fork's layer takes three bottoms and leaves inside[i] out of its
        gradient, which is the same where weights are 0 and 1.
    """

    arity: ClassVar[Arity] = Arity(bottoms=(2, 4))
    no_gradient_to: ClassVar[frozenset[int]] = frozenset({2, 3})
    takes_as_given: ClassVar[bool] = True

    def __init__(self, message: Any, context: Context) -> None:
        super().__init__(message, context)
        self.sigma: float = message.smooth_l1_loss_param.sigma
        if not self.sigma > 0:
            raise FieldError("sigma is out of range", expected="sigma above 0", got=f"{self.sigma:g}")

    def layout(self, bottom_shapes: Sequence[Shape]) -> Layout:
        """Return the scalar top, and room for the slopes."""
        check_elements(bottom_shapes)
        return Layout([()], buffers={"slopes": (bottom_shapes[0], None)})

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Write the loss, and keep the slopes."""
        nothing = _NOTHING.astype(bottom[0].dtype)
        a, b, inside, outside = [blob.flat_data for blob in bottom] + [nothing] * (4 - len(bottom))
        slopes = self.buffers["slopes"].reshape(-1)
        loss = smooth_l1_loss.forward(a, b, inside, outside, self.sigma * self.sigma, slopes, nothing)
        top[0].data[...] = loss / max(1, bottom[0].shape[0])

    def backward(self, top: Sequence[Blob], wanted: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """Write the diffs of the two blobs."""
        scale = self.weight(top) / max(1, bottom[0].shape[0])
        for blob, want, sign in zip(bottom[:2], wanted[:2], (1.0, -1.0), strict=True):
            if want:
                eltwise.scale(self.buffers["slopes"].reshape(-1), sign * scale, blob.flat_diff)
