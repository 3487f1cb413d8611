"""CenterLoss: how far features are from the centre of their class."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from pycaffelite.blob import Blob, Shape
from pycaffelite.kernels import euclidean_loss
from pycaffelite.layers.base import Layout, ParamLayout
from pycaffelite.layers.class_vectors import ClassVectors
from pycaffelite.layers.registry import register


@register("CenterLoss")
class CenterLoss(ClassVectors):
    """Compare features with a learned centre of their class by the squared distance.

    loss = 1/(2M) sum over m, k of (x[m,k] - center[label[m],k])^2

    Bottoms: x, M... x K...; label, M classes stored as floats.
    Tops: loss (), weight 1 by default.
    Params: center, num_output x K.
    Fields: `center_loss_param`: num_output; center_filler; axis (1).
    Backward: dx[m] = w/M (x[m] - center[label[m]]), w the loss weight. That of the centres is the fork's, which is no
        gradient: dcenter[o] = sum over the m of class o of (center[o] - x[m]) / (1 + their number), without the loss
        weight; a learning rate of 0.5 moves a centre half of that way.
    Errors: num_output missing; labels that do not fit or are no class; axis out of range.
    Source: Wen et al., A Discriminative Feature Learning Approach for Deep Face Recognition, 2016, in its fork.
    """

    default_loss_weight: ClassVar[float] = 1.0
    automatic_tops: ClassVar[bool] = True
    fields_name = "center_loss_param"

    def layout(self, bottom_shapes: Sequence[Shape]) -> Layout:
        """Return the loss, the centres, and room for their distances."""
        axes, depth = self.split(bottom_shapes)
        centers = ParamLayout((self.outputs, depth), self.fields.center_filler)
        return Layout([()], [centers], {"away": ((math.prod(axes), depth), None)})

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Write the loss, and keep the way from each centre."""
        away, x = self.buffers["away"], bottom[0].data.reshape(self.rows, self.depth)
        np.take(self.params[0].data, self.classes(bottom[1]), axis=0, out=away, mode="clip")
        total = euclidean_loss.squared_distance(x.reshape(-1), away.reshape(-1))
        np.subtract(x, away, out=away)
        top[0].data[...] = total / max(1, self.rows) / 2

    def backward(self, top: Sequence[Blob], wanted: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """Write dx; add to what moves the centres."""
        away = self.buffers["away"]
        if self.wanted_params[0]:
            classes = self.classes(bottom[1])
            shares = 1 / (1 + np.bincount(classes, minlength=self.outputs))
            diff = self.params[0].diff
            for m, label in enumerate(classes):
                diff[label] -= away[m] * diff.dtype.type(shares[label])
        if wanted[0]:
            scale = float(top[0].diff.flat[0]) / max(1, self.rows)
            np.multiply(away, scale, out=bottom[0].diff.reshape(away.shape))
