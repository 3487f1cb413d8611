"""The loss of YOLO v2: boxes relative to anchors, at each place of a map.

A box is x, y, w, h: its centre and size in parts of the image. Predictions are (N, A, 5 + C, H, W): four numbers of a
box, a confidence and C class scores, for each of A anchors at each place. Serial: some milliseconds for a batch.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from pycaffelite.kernels._jit import Array, kernel

Numbers = npt.NDArray[np.int64]
Box = tuple[float, float, float, float]

# Where options say how the loss is made.
OBJECT, BACKGROUND, CLASS, BOX, LIMIT, BY_ANCHOR, SOFTMAX, RESCORE, WARM = range(9)
_WARM_SCALE = 0.01
_AROUND = 5  # numbers of an anchor that are no class scores


@kernel(inner=True)
def _logistic(x: float) -> float:
    return 1 / (1 + math.exp(-x))


@kernel(inner=True)
def overlap(a: Box, b: Box) -> float:
    """Return the area that two boxes share, over the area that they cover together."""
    width = min(a[0] + a[2] / 2, b[0] + b[2] / 2) - max(a[0] - a[2] / 2, b[0] - b[2] / 2)
    height = min(a[1] + a[3] / 2, b[1] + b[3] / 2) - max(a[1] - a[3] / 2, b[1] - b[3] / 2)
    if width <= 0 or height <= 0:
        return 0.0
    shared = width * height
    return shared / (a[2] * a[3] + b[2] * b[3] - shared)


@kernel(inner=True)
def predicted(x: Array, n: int, a: int, h: int, w: int, anchors: Array) -> Box:
    """Return the box that an anchor predicts at a place."""
    height, width = x.shape[3], x.shape[4]
    return (
        (w + _logistic(x[n, a, 0, h, w])) / width,
        (h + _logistic(x[n, a, 1, h, w])) / height,
        math.exp(x[n, a, 2, h, w]) * anchors[a, 0] / width,
        math.exp(x[n, a, 3, h, w]) * anchors[a, 1] / height,
    )


@kernel(inner=True)
def _pull(x: Array, n: int, a: int, h: int, w: int, anchors: Array, truth: Box, scale: float, slopes: Array) -> None:
    """Write the slopes of a box that ought to be another one."""
    height, width = x.shape[3], x.shape[4]
    for k in range(2):
        place = _logistic(x[n, a, k, h, w])
        wanted = truth[0] * width - w if k == 0 else truth[1] * height - h
        slopes[n, a, k, h, w] = scale * (place - wanted) * place * (1 - place)
    slopes[n, a, 2, h, w] = scale * (x[n, a, 2, h, w] - math.log(truth[2] * width / anchors[a, 0]))
    slopes[n, a, 3, h, w] = scale * (x[n, a, 3, h, w] - math.log(truth[3] * height / anchors[a, 1]))


@kernel(inner=True)
def _doubt(x: Array, n: int, anchors: Array, truths: Array, count: int, options: Array, slopes: Array) -> None:
    """Write the slopes of all confidences of an image as if they were background, but where a true box is met."""
    height, width = x.shape[3], x.shape[4]
    for a in range(x.shape[1]):
        for h in range(height):
            for w in range(width):
                box = predicted(x, n, a, h, w, anchors)
                best = 0.0
                for t in range(count):
                    truth = (truths[n, t, 1], truths[n, t, 2], truths[n, t, 3], truths[n, t, 4])
                    best = max(best, overlap(box, truth))
                sure = _logistic(x[n, a, 4, h, w])
                slope = options[BACKGROUND] * sure * sure * (1 - sure)
                slopes[n, a, 4, h, w] = 0.0 if best > options[LIMIT] else slope
                if options[WARM] > 0:
                    middle = ((w + 0.5) / width, (h + 0.5) / height, anchors[a, 0] / width, anchors[a, 1] / height)
                    _pull(x, n, a, h, w, anchors, middle, _WARM_SCALE, slopes)


@kernel(inner=True)
def _choose_anchor(x: Array, n: int, h: int, w: int, anchors: Array, truth: Box, by_anchor: bool) -> int:
    """Return the anchor whose shape, or whose prediction's, is most like that of a true box."""
    chosen, best = 0, 0.0
    for a in range(x.shape[1]):
        size = (anchors[a, 0] / x.shape[4], anchors[a, 1] / x.shape[3])
        if not by_anchor:
            box = predicted(x, n, a, h, w, anchors)
            size = (box[2], box[3])
        shared = overlap((0.0, 0.0, size[0], size[1]), (0.0, 0.0, truth[2], truth[3]))
        if shared > best:
            chosen, best = a, shared
    return chosen


@kernel(inner=True)
def _teach_class(x: Array, n: int, a: int, h: int, w: int, label: int, options: Array, slopes: Array) -> None:
    """Write the slopes of the class scores of an anchor."""
    classes = x.shape[2] - _AROUND
    largest, total = x[n, a, _AROUND, h, w], 0.0
    for c in range(classes):
        largest = max(largest, x[n, a, _AROUND + c, h, w])
    for c in range(classes):
        total += math.exp(x[n, a, _AROUND + c, h, w] - largest)
    for c in range(classes):
        score = float(x[n, a, _AROUND + c, h, w])
        if options[SOFTMAX] > 0:
            score = math.exp(score - largest) / total
        slopes[n, a, _AROUND + c, h, w] = options[CLASS] * (score - (1.0 if c == label else 0.0))


@kernel()
def region_slopes(x: Array, truths: Array, counts: Numbers, anchors: Array, options: Array, slopes: Array) -> None:
    """Write the slopes of all predictions.

    Args:
        x: (N, A, 5 + C, H, W), in, float64.
        truths: (N, T, 5), in, float64: class and box of each true box.
        counts: (N,), in: how many true boxes each image has.
        anchors: (A, 2), in, float64: width and height, in places of the map.
        options: (9,), in, float64: factors on the confidence of objects and of background, on classes and on boxes; the
            overlap above which a prediction is no background; then 1 or 0: whether shapes of anchors choose the anchor,
            whether classes go through a softmax, whether confidence is to be the overlap, and whether all boxes are
            pulled to their anchors.
        slopes: (N, A, 5 + C, H, W), out, float64.
    """
    height, width = x.shape[3], x.shape[4]
    slopes[...] = 0
    for n in range(x.shape[0]):
        _doubt(x, n, anchors, truths, counts[n], options, slopes)
        for t in range(counts[n]):
            truth = (truths[n, t, 1], truths[n, t, 2], truths[n, t, 3], truths[n, t, 4])
            w = min(max(int(truth[0] * width), 0), width - 1)
            h = min(max(int(truth[1] * height), 0), height - 1)
            a = _choose_anchor(x, n, h, w, anchors, truth, options[BY_ANCHOR] > 0)
            rescored = options[RESCORE] > 0
            scale = options[BOX] * (1.0 if rescored else 2 - truth[2] * truth[3])
            _pull(x, n, a, h, w, anchors, truth, scale, slopes)
            sure = _logistic(x[n, a, 4, h, w])
            wanted = overlap(predicted(x, n, a, h, w, anchors), truth) if rescored else 1.0
            slopes[n, a, 4, h, w] = options[OBJECT] * (sure - wanted) * sure * (1 - sure)
            _teach_class(x, n, a, h, w, int(truths[n, t, 0]), options, slopes)
