"""EvalDetection: which detections of YOLO v2 are right."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from pycaffelite.blob import Array, Blob, Shape
from pycaffelite.errors import ShapeError
from pycaffelite.kernels.boxes import suppress
from pycaffelite.layers.average_precision import AveragePrecision
from pycaffelite.layers.base import Arity, Context, Layer, Layout, Tally, shape_text
from pycaffelite.layers.regions_of_map import check_truths, map_view, read_anchors, read_truths
from pycaffelite.layers.registry import register
from pycaffelite.schema import messages

_LEAST = 0.005  # score below which detections are dropped together with the overlapping ones


@register("EvalDetection")
class EvalDetection(Layer):
    """Tell right detections from wrong ones, for the mean average precision.

    Each anchor at each place is a detection: a box as in RegionLoss, the class with the largest of the softmax of its
    scores, and as score the logistic function of its confidence, that probability, or their product. From the highest
    score on, a detection is right if the true box of its class that it overlaps most, of equals the first, is
    overlapped by the threshold at least and has no right detection yet.

    Bottoms: x, N x A (5 + C) x S x S; true boxes as for RegionLoss.
    Tops: N x (C + 4 A S^2): how many true boxes each class has; then class, score, 1 if right, 1 if wrong for each
        detection, sorted by class and score; zeros behind the last.
    Params: none.
    Fields: `eval_detection_param`: side (7), S; num_class (20), C; num_object (2), A; biases, width and height of each
        anchor in places; threshold (0.5); score_type (MULTIPLY); nms (-1): if not negative, detections that overlap a
        better one of any class by as much are dropped, and those with scores below 0.005.
    Backward: none.
    Errors: no anchors; bottoms that do not fit; a true box of no class or size.
    Source: the YOLO forks' layer. There a detection below the threshold is neither right nor wrong, and none count
        without nms.
    """

    arity: ClassVar[Arity] = Arity(bottoms=(2, 2))
    constant: ClassVar[bool] = True

    def __init__(self, message: Any, context: Context) -> None:
        super().__init__(message, context)
        fields = message.eval_detection_param
        self.side: int = fields.side
        self.classes: int = fields.num_class
        self.anchors = read_anchors(fields.biases, fields.num_object)
        self.threshold: float = fields.threshold
        self.kind: int = fields.score_type
        self.limit: float = fields.nms

    def layout(self, bottom_shapes: Sequence[Shape]) -> Layout:
        """Return the top."""
        x, truths = bottom_shapes
        map_view(x, len(self.anchors), self.classes)
        check_truths(truths, x[0])
        if x[2:] != (self.side, self.side):
            raise ShapeError(
                "side does not fit the map",
                expected=f"{self.side} rows and columns",
                got=f"bottom of shape {shape_text(x)}",
            )
        return Layout([(x[0], self.classes + 4 * len(self.anchors) * self.side**2)])

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Write counts of true boxes, and whether each detection is right."""
        x = bottom[0].data.reshape(map_view(bottom[0].shape, len(self.anchors), self.classes)).astype(np.float64)
        truths, counts = read_truths(bottom[1].data, len(x), self.classes)
        top[0].data[...] = 0
        for n, one in enumerate(x):
            own = truths[n, : counts[n]]
            row = top[0].data[n]
            row[: self.classes] = np.bincount(own[:, 0].astype(np.int64), minlength=self.classes)
            found = [each for label in range(self.classes) for each in self._judge(label, own, *self._detect(one))]
            row[self.classes : self.classes + 4 * len(found)] = np.array(found).reshape(-1)

    def tally(self, ap_version: str) -> Tally:
        """Return the mean average precision over batches."""
        return MapTally(ap_version, self.classes)

    def _detect(self, x: Array) -> tuple[Array, Array, Array]:
        """Return boxes by corners, classes and scores of the detections of an image, the best first."""
        with np.errstate(over="ignore", invalid="ignore"):  # whatever is predicted
            boxes, shares, sure = self._decode(x)
        best, kinds = shares.max(-1), messages.EvalDetectionParameter
        scores = {kinds.OBJ: sure, kinds.PROB: best}.get(self.kind, sure * best)
        order = np.argsort(-scores, kind="stable")
        if self.limit >= 0:
            kept = np.empty(len(order), np.int64)
            # As `suppress` drops what overlaps by more, the limit itself is the next smaller number.
            order = kept[: suppress(boxes, order, float(np.nextafter(self.limit, -1)), 1.0, kept)]
            order = order[scores[order] >= _LEAST]
        return boxes[order], shares.argmax(-1)[order], scores[order]

    def _decode(self, x: Array) -> tuple[Array, Array, Array]:
        """Return boxes by corners, probabilities of classes, and confidences; places come before anchors."""
        x = x.transpose(2, 3, 0, 1)  # rows, columns, anchors, numbers
        places = np.stack(np.meshgrid(np.arange(self.side), np.arange(self.side)), axis=-1)[:, :, None]
        centers = (places + _logistic(x[..., :2])) / self.side
        halves = np.exp(x[..., 2:4]) * self.anchors / self.side / 2
        shares = np.exp(x[..., 5:] - x[..., 5:].max(-1, keepdims=True))
        shares /= shares.sum(-1, keepdims=True)
        boxes = np.concatenate((centers - halves, centers + halves), axis=-1).reshape(-1, 4)
        return boxes, shares.reshape(-1, self.classes), _logistic(x[..., 4]).reshape(-1)

    def _judge(self, label: int, truths: Array, boxes: Array, labels: Array, scores: Array) -> list[list[float]]:
        """Return the rows of the detections of one class."""
        own = truths[truths[:, 0] == label]
        corners = np.concatenate((own[:, 1:3] - own[:, 3:5] / 2, own[:, 1:3] + own[:, 3:5] / 2), axis=1)
        taken: set[int] = set()
        rows: list[list[float]] = []
        for box, score in zip(boxes[labels == label], scores[labels == label], strict=True):
            sides = np.minimum(box[2:], corners[:, 2:]) - np.maximum(box[:2], corners[:, :2])
            common = np.maximum(sides, 0).prod(1)
            with np.errstate(over="ignore", invalid="ignore"):
                overlaps = np.nan_to_num(common / (np.prod(box[2:] - box[:2]) + own[:, 3] * own[:, 4] - common))
            best = int(np.argmax(overlaps)) if len(own) else -1
            right = best >= 0 and best not in taken and bool(overlaps[best] >= self.threshold)
            taken |= {best} if right else set()
            rows.append([label, score, right, not right])
        return rows


class MapTally:
    """The mean average precision of what EvalDetection tells.

    Args:
        ap_version: How precisions are averaged.
        classes: How many classes there are.
    """

    def __init__(self, ap_version: str, classes: int) -> None:
        self.precision = AveragePrecision(ap_version)
        self.classes = classes

    def add(self, top: Array) -> None:
        """Take the rows of one more batch."""
        counts = top[:, : self.classes].sum(0)
        self.precision.count(np.arange(self.classes), counts)
        self.precision.judge(top[:, self.classes :].reshape(-1, 4))

    def value(self) -> float:
        """Return the mean over classes."""
        return self.precision.mean()


def _logistic(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))
