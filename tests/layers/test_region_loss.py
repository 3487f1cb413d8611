from __future__ import annotations

import json

import numpy as np
import pytest

from pycaffelite.testing import Case, ErrorCase, LayerContract, LayerRunner, layer_text

RANDOM = np.random.default_rng(9)
BIASES = "biases: 1 biases: 1.5 biases: 2.5 biases: 0.75"
ANCHORS = np.array([[1, 1.5], [2.5, 0.75]])
C, SHAPE = 3, (2, 2 * 8, 3, 4)
X = RANDOM.standard_normal(SHAPE).astype(np.float32)
# class, centre, size; the second image has one box, and whatever stands behind the end does not count.
TRUTHS = np.zeros((2, 4 * 5), np.float32)
TRUTHS[0, :15] = [0, 0.3, 0.2, 0.25, 0.5, 2, 0.8, 0.9, 0.75, 0.25, 1, 0.55, 0.5, 0.5, 0.5]
TRUTHS[1, :5] = [1, 0.7, 0.6, 0.5, 0.25]
TRUTHS[1, 10:15] = [9, 0.5, 0.5, 0.5, 0.5]


def annotated(truths):
    rows = []
    for image, boxes in enumerate(truths.astype(float).reshape(2, -1, 5)):
        for label, x, y, w, h in boxes[: 3 if image == 0 else 1]:
            rows.append([image, label + 1, 0, x - w / 2, y - h / 2, x + w / 2, y + h / 2, 0])
    return np.array(rows)[None, None]


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def share(a, b):
    """Overlap of boxes by centres and sizes."""
    low, high = (max, min)
    sides = [
        high(a[k] + a[k + 2] / 2, b[k] + b[k + 2] / 2) - low(a[k] - a[k + 2] / 2, b[k] - b[k + 2] / 2) for k in (0, 1)
    ]
    common = max(0, sides[0]) * max(0, sides[1])
    return common / (a[2] * a[3] + b[2] * b[3] - common)


def slopes(x, truths, match=True, softmax=True, rescore=True, limit=0.2, scales=(1, 0.5, 1, 5), warm=False):
    """Whole maps at once; then each true box by itself."""
    n_images, height, width = len(x), *x.shape[2:]
    x = x.reshape(n_images, 2, 8, height, width)
    out, columns, rows = np.zeros_like(x), np.arange(width), np.arange(height)[:, None]
    boxes = np.stack(
        [
            (sigmoid(x[:, :, 0]) + columns) / width,
            (sigmoid(x[:, :, 1]) + rows) / height,
            np.exp(x[:, :, 2]) * ANCHORS[:, 0, None, None] / width,
            np.exp(x[:, :, 3]) * ANCHORS[:, 1, None, None] / height,
        ],
        axis=2,
    )
    sure = sigmoid(x[:, :, 4])
    out[:, :, 4] = scales[1] * sure * sure * (1 - sure)
    if warm:
        inside = sigmoid(x[:, :, :2])
        out[:, :, :2] = 0.01 * (inside - 0.5) * inside * (1 - inside)
        out[:, :, 2:4] = 0.01 * x[:, :, 2:4]
    for n, rows_of in enumerate(truths.reshape(n_images, -1, 5).astype(float)):
        count = 3 if n == 0 else 1
        for a, h, w in np.ndindex(2, height, width):
            if max(share(boxes[n, a, :, h, w], truth[1:]) for truth in rows_of[:count]) > limit:
                out[n, a, 4, h, w] = 0
        for label, *truth in rows_of[:count]:
            w, h = int(truth[0] * width), int(truth[1] * height)
            sizes = [ANCHORS[a] / (width, height) if match else boxes[n, a, 2:, h, w] for a in range(2)]
            a = int(np.argmax([share([0, 0, *size], [0, 0, *truth[2:]]) for size in sizes]))
            scale = scales[3] * (1 if rescore else 2 - truth[2] * truth[3])
            inside = sigmoid(x[n, a, :2, h, w])
            out[n, a, :2, h, w] = (
                scale * (inside - [truth[0] * width - w, truth[1] * height - h]) * inside * (1 - inside)
            )
            out[n, a, 2:4, h, w] = scale * (
                x[n, a, 2:4, h, w] - np.log(truth[2:] * np.array([width, height]) / ANCHORS[a])
            )
            wanted = share(boxes[n, a, :, h, w], truth) if rescore else 1
            s = sure[n, a, h, w]
            out[n, a, 4, h, w] = scales[0] * (s - wanted) * s * (1 - s)
            scores = x[n, a, 5:, h, w]
            scores = np.exp(scores) / np.exp(scores).sum() if softmax else scores
            out[n, a, 5:, h, w] = scales[2] * (scores - np.eye(C)[int(label)])
    return out.reshape(SHAPE)


CASES = {
    "default": ("", {}),
    "by_prediction": ("bias_match: 0", {"match": False}),
    "plain": ("softmax: 0 rescore: 0", {"softmax": False, "rescore": False}),
    "scales": (
        "object_scale: 5 noobject_scale: 1 class_scale: 2 coord_scale: 0.5 thresh: 0.6",
        {"scales": (5, 1, 2, 0.5), "limit": np.float32(0.6)},
    ),
}


def param(text):
    return f"region_loss_param {{ num_class: {C} num: 2 {BIASES} {text} }}"


def case(fields, options, truths=TRUTHS, phase="TEST"):
    def oracle(bottoms, params):
        return np.array((slopes(bottoms[0], TRUTHS, **options) ** 2).sum() / 2)

    return Case(param(fields), [X, truths], phase, oracle=oracle, gradients=False)


class TestRegionLoss(LayerContract):
    type_name = "RegionLoss"
    cases = {name: case(*each) for name, each in CASES.items()} | {
        "warm": case("", {"warm": True}, phase="TRAIN"),
        "annotated": case("", {}, annotated(TRUTHS)),
        "four_axes": case("", {}, TRUTHS.reshape(2, 20, 1, 1)),
    }
    errors = {
        "anchors": ErrorCase(
            "region_loss_param { num_class: 3 num: 3 biases: 1 biases: 1.5 }",
            [X, TRUTHS],
            message="""
            error: the anchors are missing or wrong
              expected: 6 biases above 0: width and height of 3 anchors
              got:      1, 1.5
            """,
        ),
        "coords": ErrorCase(
            param("coords: 5"),
            [X, TRUTHS],
            message="""
            error: a box has four numbers
              expected: `coords: 4`
              got:      5
            """,
        ),
        "channels": ErrorCase(
            param(""),
            [(2, 15, 3, 4), TRUTHS],
            message="""
            error: the number of channels does not fit anchors and classes
              expected: N x 16 x H x W: 2 times 5 and 3 classes
              got:      bottom of shape 2x15x3x4
            """,
        ),
        "truths": ErrorCase(
            param(""),
            [X, (2, 7)],
            message="""
            error: these are no true boxes
              expected: N x 5T with 2 images, or 1 x 1 x G x 8 of AnnotatedData
              got:      2x7
            """,
        ),
        "no_number": ErrorCase(
            param(""),
            [X, np.where(TRUTHS == 2, np.nan, TRUTHS)],
            message="""
            error: a true box has no class or no size
              expected: a class from 0 to 2, and a size above 0
              got:      class nan, size 0.75 x 0.25, in image 0
            """,
        ),
        "class": ErrorCase(
            param(""),
            [X, np.where(TRUTHS == 2, 3, TRUTHS)],
            message="""
            error: a true box has no class or no size
              expected: a class from 0 to 2, and a size above 0
              got:      class 3, size 0.75 x 0.25, in image 0
            """,
        ),
    }


@pytest.mark.parametrize("name", CASES)
def test_backward(name):
    fields, options = CASES[name]
    text = layer_text("RegionLoss", f"loss_weight: 0.5 {param(fields)}", bottoms=2)
    runner = LayerRunner(text, [X, TRUTHS], "TEST")
    runner.forward()
    np.testing.assert_allclose(runner.backward()[0], 0.5 / 2 * slopes(X.astype(float), TRUTHS, **options), atol=1e-12)


def test_the_pull_to_anchors_ends():
    runner = LayerRunner(layer_text("RegionLoss", param(""), bottoms=2), [X, TRUTHS])
    first = runner.forward()[0]
    assert json.loads(json.dumps(runner.layer.state())) == {"passes": 1}
    runner.layer.restore({"passes": 6399})
    assert runner.forward()[0] == first
    assert runner.forward()[0] != first
    assert (
        runner.forward()[0]
        == LayerRunner(layer_text("RegionLoss", param(""), bottoms=2), [X, TRUTHS], "TEST").forward()[0]
    )
