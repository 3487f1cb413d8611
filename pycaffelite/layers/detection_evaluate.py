"""DetectionEvaluate: which detections are right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from pycaffelite.blob import Array, Blob, Shape
from pycaffelite.data.locate import locate_file
from pycaffelite.errors import DataError, FieldError, ShapeError
from pycaffelite.layers.average_precision import AveragePrecision
from pycaffelite.layers.base import Arity, Context, Layer, Layout, Tally, shape_text
from pycaffelite.layers.detection import class_count
from pycaffelite.layers.registry import register
from pycaffelite.schema import messages

# Columns of detections, of true boxes, and of what is written.
_FOUND, _TRUE, _WRITTEN = 7, 8, 5


@register("DetectionEvaluate")
class DetectionEvaluate(Layer):
    """Tell right detections from wrong ones, as the mean average precision needs it.

    From the highest score on, a detection is right if the true box of its image and class that it overlaps most, of
    equals the first, is overlapped by the threshold at least and has no right detection yet.

    Bottoms: detections, 1 x 1 x M x 7, of DetectionOutput; true boxes, 1 x 1 x G x 8: image, class, number, left, top,
        right, bottom, difficult.
    Tops: 1 x 1 x (C + M) x 5. First a row for each class but background: -1, class, number of its true boxes, -1, -1.
        Then a row for each detection: image, class, score, 1 if right, 1 if wrong; sorted by image, class and score.
        Detections of difficult boxes that do not count are neither.
    Params: none.
    Fields: `detection_evaluate_param`: num_classes; background_label_id (0); overlap_threshold (0.5);
        evaluate_difficult_gt (true); name_size_file, with a line `name height width` for each image that has
        detections, to compare boxes in whole pixels; resize_param, how those images were resized.
    Backward: none.
    Errors: no num_classes; overlap_threshold not above 0; bottoms of other shapes; a name_size_file that cannot be
        read; a detection or true box of background.
    Source: the SSD fork's DetectionEvaluate layer; after Everingham et al., The PASCAL VOC challenge, 2010.
    """

    arity: ClassVar[Arity] = Arity(bottoms=(2, 2))
    constant: ClassVar[bool] = True
    measures: ClassVar[bool] = True

    def __init__(self, message: Any, context: Context) -> None:
        super().__init__(message, context)
        fields = message.detection_evaluate_param
        count = class_count(fields)
        self.background: int = fields.background_label_id
        self.classes = [label for label in range(count) if label != self.background]
        self.threshold: float = fields.overlap_threshold
        self.difficult: bool = fields.evaluate_difficult_gt
        self.resize = fields.resize_param if fields.HasField("resize_param") else None
        if not self.threshold > 0:
            raise FieldError(
                "overlap_threshold is out of range", expected="overlap_threshold above 0", got=f"{self.threshold:g}"
            )
        self.sizes: list[tuple[int, int]] = []  # height and width of images
        if fields.HasField("name_size_file"):
            self.sizes = _read_sizes(locate_file(fields.name_size_file, context.data.folder, what="name_size_file"))
        self.seen = 0  # images with detections, of those in the file

    def layout(self, bottom_shapes: Sequence[Shape]) -> Layout:
        """Return a top with a row for each class and detection."""
        for shape, columns in zip(bottom_shapes, (_FOUND, _TRUE), strict=True):
            if len(shape) < 2 or shape[-1] != columns or any(length != 1 for length in shape[:-2]):
                raise ShapeError(
                    "these are no boxes", expected=f"1 x 1 x M x {columns}", got=f"bottom of shape {shape_text(shape)}"
                )
        return Layout([self._shape(bottom_shapes[0][-2])])

    def measure(self, bottom: Sequence[Blob]) -> Sequence[Shape]:
        """Count the rows that are detections."""
        return [self._shape(len(_detections(bottom[0].data)))]

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Write counts of true boxes, and whether each detection is right."""
        found, true = bottom[0].data.reshape(-1, _FOUND), bottom[1].data.reshape(-1, _TRUE)
        end = np.flatnonzero(true[:, 0] == -1)
        true = true[: end[0]] if end.size else true
        for what, rows in (("detection", found[found[:, 0] != -1]), ("true box", true)):
            if (rows[:, 1] == self.background).any():
                raise DataError(f"a {what} is background", expected=f"no class {self.background}", got="one")
            if not np.isfinite(rows[:, :2]).all():
                raise DataError(f"a {what} has no image or no class", expected="numbers of both", got="no number")
        counted = true if self.difficult else true[true[:, 7] == 0]
        rows = [[-1, label, (counted[:, 1] == label).sum(), -1, -1] for label in self.classes]
        for image in np.unique(found[found[:, 0] != -1, 0]):
            own = found[found[:, 0] == image]
            for label in np.unique(own[own[:, 1] != -1, 1]):
                same = true[(true[:, 0] == image) & (true[:, 1] == label)]
                rows += self._judge(own[own[:, 1] == label], same)
            if self.sizes:
                self.seen = (self.seen + 1) % len(self.sizes)
        top[0].data[0, 0] = rows

    def _judge(self, found: Array, true: Array) -> list[list[float]]:
        """Return the rows of the detections of one class in one image."""
        if not len(true):
            return [[*row[:3], 0, 1] for row in found]
        found = found[np.argsort(-found[:, 2], kind="stable")]
        extra = 1 if self.sizes else 0
        boxes, truths = (self._in_pixels(box) for box in (found[:, 3:], true[:, 3:7]))
        taken, rows = set(), []
        for row, box in zip(found, boxes, strict=True):
            overlaps = _overlaps(box, truths, extra)
            best = int(np.argmax(overlaps))
            right, wrong = 0, 1
            if overlaps[best] >= self.threshold:
                counts = self.difficult or true[best, 7] == 0
                right, wrong = (int(counts and best not in taken), int(counts and best in taken))
                taken.add(best)
            rows.append([*row[:3], right, wrong])
        return rows

    def _in_pixels(self, boxes: Array) -> Array:
        """Return boxes in pixels of the original image, if its size is known."""
        if not self.sizes:
            return boxes
        height, width = self.sizes[self.seen]
        limits = np.array([width, height, width, height], boxes.dtype)
        if self.resize is not None and self.resize.resize_mode == messages.ResizeParameter.FIT_LARGE_SIZE_AND_PAD:
            edges = _padded(self.resize, width / height)
            boxes = (boxes - np.tile(edges[:2], 2)) / np.tile(edges[2:] - edges[:2], 2)
        elif self.resize is not None and self.resize.resize_mode == messages.ResizeParameter.FIT_SMALL_SIZE:
            scales = (self.resize.width_scale, self.resize.height_scale)
            if all(scales):
                scaled: Array = np.clip(boxes * np.tile(scales, 2), 0, limits)
                return scaled
        pixels: Array = np.clip(boxes, 0, 1) * limits
        return pixels

    def _shape(self, detections: int) -> Shape:
        return 1, 1, len(self.classes) + detections, _WRITTEN

    def tally(self, ap_version: str) -> Tally:
        """Return the mean average precision over batches."""
        return DetectionTally(ap_version)

    def state(self) -> dict[str, Any]:
        """Return how many of the images in the file have been seen."""
        return {"seen": self.seen} if self.sizes else {}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on with that image."""
        self.seen = int(state.get("seen", 0))


class DetectionTally:
    """The mean average precision of what DetectionEvaluate tells.

    Args:
        ap_version: How precisions are averaged.
    """

    def __init__(self, ap_version: str) -> None:
        self.precision = AveragePrecision(ap_version)

    def add(self, top: Array) -> None:
        """Take the rows of one more batch."""
        rows = top.reshape(-1, _WRITTEN)
        counts = rows[:, 0] == -1
        self.precision.count(rows[counts, 1], rows[counts, 2])
        self.precision.judge(rows[~counts, 1:])

    def value(self) -> float:
        """Return the mean over classes."""
        return self.precision.mean()


def _detections(rows: Array) -> Array:
    """Return the rows that are detections: neither filling nor stand-ins for images where nothing was found."""
    rows = rows.reshape(-1, _FOUND)
    real: Array = rows[(rows[:, 0] != -1) & (rows[:, 1] != -1)]
    return real


def _overlaps(box: Array, truths: Array, extra: int) -> Array:
    """Return what a box shares with each true box, over what they cover together; `extra` is a pixel's width, or 0."""
    with np.errstate(over="ignore", invalid="ignore"):  # boxes may be of any size
        sides = np.minimum(box[2:], truths[:, 2:]) - np.maximum(box[:2], truths[:, :2]) + extra
        shared = np.where((sides > 0).all(1), sides.prod(1), 0)
        areas = [
            np.where((each[..., 2:] >= each[..., :2]).all(-1), (each[..., 2:] - each[..., :2] + extra).prod(-1), 0)
            for each in (box, truths)
        ]
        together = areas[0] + areas[1] - shared
        overlaps: Array = np.nan_to_num(np.divide(shared, together, out=np.zeros_like(together), where=shared > 0))
    return overlaps


def _padded(resize: Any, aspect: float) -> Array:
    """Return where in the padded image the original one of this width over height lies: left, top, right, bottom."""
    across, down = float(resize.width), float(resize.height)
    if aspect > across / down:
        gap = (down - across / aspect) / 2 / down
        return np.array([0, gap, 1, 1 - gap])
    gap = (across - down * aspect) / 2 / across
    return np.array([gap, 0, 1 - gap, 1])


def _read_sizes(path: Path) -> list[tuple[int, int]]:
    """Read height and width of images from a file with lines `name height width`."""
    sizes = []
    for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
        words = line.split()
        if not words:
            continue
        try:
            height, width = (int(word) for word in words[-2:])
        except ValueError:
            height, width = 0, 0
        if len(words) < 3 or min(height, width) < 1:
            raise DataError(
                "a line of the name_size_file cannot be read",
                expected="`name height width`, in pixels",
                got=f"`{line.strip()}` in line {number} of `{path}`",
            )
        sizes.append((height, width))
    return sizes
