"""RegionLoss: the loss of YOLO v2."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pycaffelite.blob import Blob, Shape
from pycaffelite.errors import FieldError
from pycaffelite.kernels import region_loss
from pycaffelite.layers.base import Context, Layout
from pycaffelite.layers.loss import LossLayer
from pycaffelite.layers.regions_of_map import check_truths, map_view, read_anchors, read_truths
from pycaffelite.layers.registry import register

_WARM = 12800  # images after which boxes are no longer pulled to their anchors


@register("RegionLoss")
class RegionLoss(LossLayer):
    """Compare boxes, confidences and classes, predicted for anchors at each place, with the true boxes of each image.

    A box is ((w + s(x0)) / W, (h + s(x1)) / H, exp(x2) aw / W, exp(x3) ah / H), s the logistic function; a true box
    belongs to the place where its centre is, and to the anchor whose shape is most like its own. Slopes of it:
    box: coord_scale (s(x) - wanted) s'(x), and coord_scale (x - log wanted), times 2 - area without rescore;
    confidence: object_scale (s(x) - overlap, or 1) s'(x); classes: class_scale (p - [is it]).
    Of all other confidences: noobject_scale s(x) s'(x), unless the box overlaps a true one by more than thresh. In
    TRAIN boxes are also pulled to their anchors, by 0.01, until 12800 images have passed.
    loss = 1/N sum of the squares of all slopes.

    Bottoms: x, N x A (5 + C) x H x W; true boxes, N x 5T rows of class, centre and size that end where the width is 0,
        or 1 x 1 x G x 8 of AnnotatedData, whose classes count from 1.
    Tops: loss (), weight 1 by default.
    Params: none.
    Fields: `region_loss_param`: num_class (20), C; num (5), A; coords (4); biases, width and height of each anchor in
        places; bias_match (1), softmax (1), rescore (1), thresh (0.2), object_scale (1), noobject_scale (0.5),
        class_scale (1), coord_scale (5).
    Backward: dx = v/N slopes, v the loss weight: not the derivative of the loss, which only tells how large slopes are.
    Errors: no anchors; coords other than 4; bottoms that do not fit; a true box of no class or size.
    Source: Redmon and Farhadi, YOLO9000, 2016, after darknet and its forks; there tests count as training.
    """

    def __init__(self, message: Any, context: Context) -> None:
        super().__init__(message, context)
        fields = message.region_loss_param
        self.classes: int = fields.num_class
        self.anchors = read_anchors(fields.biases, fields.num)
        if fields.coords != 4:
            raise FieldError("a box has four numbers", expected="`coords: 4`", got=str(fields.coords))
        scales = [fields.object_scale, fields.noobject_scale, fields.class_scale, fields.coord_scale, fields.thresh]
        flags = [fields.bias_match, fields.softmax, fields.rescore]
        self.options = np.array([*scales, *(float(bool(flag)) for flag in flags), 0.0])
        self.view: Shape = ()
        self.passes = 0  # in TRAIN

    def layout(self, bottom_shapes: Sequence[Shape]) -> Layout:
        """Return the scalar top, and room for predictions and slopes in double: one kernel for all float types."""
        x, truths = bottom_shapes
        view = map_view(x, len(self.anchors), self.classes)
        check_truths(truths, x[0])
        return Layout([()], buffers={"x": (view, np.float64), "slopes": (view, np.float64)})

    def prepare(self, bottom_shapes: Sequence[Shape]) -> None:
        """Find the 5-D view."""
        self.view = map_view(bottom_shapes[0], len(self.anchors), self.classes)

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Write the loss, and keep the slopes."""
        images, x, slopes = self.view[0], self.buffers["x"], self.buffers["slopes"]
        truths, counts = read_truths(bottom[1].data, images, self.classes)
        training = self.context.phase == "TRAIN"
        self.options[region_loss.WARM] = float(training and self.passes < _WARM // max(1, images))
        x[...] = bottom[0].data.reshape(self.view)
        region_loss.region_slopes(x, truths, counts, self.anchors, self.options, slopes)
        top[0].data[...] = np.vdot(slopes, slopes) / max(1, images)
        self.passes += training

    def backward(self, top: Sequence[Blob], wanted: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """Write dx."""
        if wanted[0]:
            scale = self.weight(top) / max(1, self.view[0])
            diff = bottom[0].diff.reshape(self.view)
            np.multiply(self.buffers["slopes"], scale, out=diff, casting="same_kind")

    def state(self) -> dict[str, Any]:
        """Return how many passes there have been."""
        return {"passes": self.passes}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on after that many passes."""
        self.passes = int(state["passes"])
