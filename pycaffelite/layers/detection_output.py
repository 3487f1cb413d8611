"""DetectionOutput: the boxes that a net has found."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from pycaffelite.blob import Array, Blob, Shape
from pycaffelite.errors import FieldError
from pycaffelite.kernels import boxes
from pycaffelite.layers.base import Arity, Context, Layer, Layout
from pycaffelite.layers.detection import best_first, check_predictions, class_count, split_priors
from pycaffelite.layers.registry import register

_COLUMNS = 7


@register("DetectionOutput")
class DetectionOutput(Layer):
    """Decode predicted boxes, and drop those that overlap better ones of their class.

    For each image and class but background: boxes with scores above the threshold, the top_k best of them; from the
    best on, each that overlaps none kept before by more than nms_threshold. Then the keep_top_k best of the image.

    Bottoms: offsets, N x 4P, or N x 4PC with a box for each class; scores, N x PC; priors, 1 x 2 x 4P of PriorBox;
        optionally images, which are not looked at.
    Tops: 1 x 1 x M x 7, a row for each box: image, class, score, left, top, right, bottom, sorted by image, class and
        falling score, the earlier prior first of equals. Where there is none in the whole batch, for each image a row
        of its number and six times -1.
    Params: none.
    Fields: `detection_output_param`: num_classes; share_location (true); background_label_id (0); nms_param:
        nms_threshold (0.3), top_k (all), eta (1); code_type (CORNER); variance_encoded_in_target (false); keep_top_k
        (all); confidence_threshold (none).
    Backward: none.
    Errors: no num_classes; nms_threshold below 0; eta not from 0 to 1; bottoms that do not fit; priors without extent.
    Source: Liu et al., SSD, 2016. The fork can also draw and save boxes; here `top` holds all that there is.
    """

    arity: ClassVar[Arity] = Arity(bottoms=(3, 4))
    constant: ClassVar[bool] = True
    measures: ClassVar[bool] = True

    def __init__(self, message: Any, context: Context) -> None:
        super().__init__(message, context)
        fields = message.detection_output_param
        self.classes = class_count(fields)
        self.shared: bool = fields.share_location
        self.background: int = fields.background_label_id
        self.code: int = fields.code_type
        self.plain: bool = fields.variance_encoded_in_target
        self.keep: int = fields.keep_top_k
        self.least = fields.confidence_threshold if fields.HasField("confidence_threshold") else -np.inf
        self.threshold: float = fields.nms_param.nms_threshold
        self.eta: float = fields.nms_param.eta
        self.most = fields.nms_param.top_k if fields.nms_param.HasField("top_k") else -1
        if self.threshold < 0 or not 0 < self.eta <= 1:
            raise FieldError(
                "nms_param is out of range",
                expected="nms_threshold of at least 0, and eta above 0 and at most 1",
                got=f"{self.threshold:g} and {self.eta:g}",
            )
        self.rows: Array = np.zeros((0, _COLUMNS))

    def layout(self, bottom_shapes: Sequence[Shape]) -> Layout:
        """Return a top of one row for each image, and room for decoded boxes."""
        slots = 1 if self.shared else self.classes
        priors = check_predictions(bottom_shapes, slots, self.classes)
        return Layout(
            [(1, 1, bottom_shapes[0][0], _COLUMNS)],
            buffers={"boxes": ((slots, priors, 4), None), "kept": ((priors,), np.int64)},
        )

    def measure(self, bottom: Sequence[Blob]) -> Sequence[Shape]:
        """Find the boxes, and return the shape that they need."""
        images, count = bottom[0].shape[0], self.buffers["kept"].size
        offsets = bottom[0].data.reshape(images, count, -1 if count else 4)
        scores = bottom[1].data.reshape(images, count, self.classes)
        priors, variances = split_priors(bottom[2].data, self.code)
        found = [self._find(n, np.ascontiguousarray(offsets[n]), scores[n], priors, variances) for n in range(images)]
        self.rows = np.concatenate(found) if found else self.rows
        if not len(self.rows):
            self.rows = np.full((images, _COLUMNS), -1.0)
            self.rows[:, 0] = range(images)
        return [(1, 1, *self.rows.shape)]

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Write the boxes that `measure` has found."""
        top[0].data[0, 0] = self.rows

    def _find(self, image: int, offsets: Array, scores: Array, priors: Array, variances: Array) -> Array:
        """Return the rows of one image."""
        decoded, kept = self.buffers["boxes"], self.buffers["kept"]
        for slot in range(len(decoded)):
            if self.shared or slot != self.background:
                boxes.decode(offsets, slot, priors, variances, self.code, self.plain, decoded[slot])
        rows = []
        for label in range(self.classes):
            if label == self.background:
                continue
            own, place = np.ascontiguousarray(scores[:, label]), decoded[0 if self.shared else label]
            order = best_first(own, np.flatnonzero(own > self.least), self.most)
            chosen = kept[: boxes.suppress(place, order, self.threshold, self.eta, kept)]
            labels = np.full(len(chosen), label)
            rows.append(np.column_stack((np.full(len(chosen), image), labels, own[chosen], place[chosen])))
        found = np.concatenate(rows) if rows else np.zeros((0, _COLUMNS))
        if 0 <= self.keep < len(found):
            best = np.argsort(-found[:, 2], kind="stable")[: self.keep]
            found = found[best[np.argsort(found[best, 1], kind="stable")]]
        return found
