from __future__ import annotations

import numpy as np

from pycaffelite.testing import Case, ErrorCase, LayerContract, LayerRunner, layer_text

RANDOM = np.random.default_rng(8)
CORNERS = RANDOM.uniform(0, 0.6, (10, 2))
PRIORS = np.hstack((CORNERS, CORNERS + RANDOM.uniform(0.1, 0.4, (10, 2)))).astype(np.float32)
WITH_VARIANCES = np.array([PRIORS, np.full((10, 4), np.float32(0.1))]).reshape(1, 2, 40)
SCORES = RANDOM.permutation(60).reshape(2, 30) / 64  # no equals
OFFSETS, OF_CLASSES = (RANDOM.standard_normal((2, 40 * k)).astype(np.float32) for k in (1, 3))


def share(a, b):
    width, height = (min(a[k + 2], b[k + 2]) - max(a[k], b[k]) for k in (0, 1))
    if width <= 0 or height <= 0:
        return 0
    return width * height / (np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2]) - width * height)


def found(threshold=0.3, least=-1.0, most=None, keep=None, background=0, shared=True, variance=0.1):
    """Rows from plain lists; boxes coded by corners."""

    def oracle(bottoms, params):
        offsets, scores, priors = bottoms[:3]
        rows = []
        for n, one in enumerate(scores.reshape(len(scores), 10, 3)):
            own = []
            for label in (label for label in range(3) if label != background):
                deltas = offsets[n].reshape(10, -1, 4)[:, 0 if shared else label]
                boxes = priors[0, 0].reshape(10, 4) + np.float32(variance) * deltas
                order = sorted((p for p in range(10) if one[p, label] > least), key=lambda p: -one[p, label])[:most]
                kept = []
                for p in order:
                    if all(share(boxes[p], boxes[q]) <= np.float32(threshold) for q in kept):
                        kept.append(p)
                own += [[n, label, one[p, label], *boxes[p]] for p in kept]
            best = sorted(own, key=lambda row: -row[2])[:keep]
            rows += sorted(best, key=lambda row: (row[1], -row[2]))
        rows = rows or [[n] + [-1] * 6 for n in range(len(scores))]
        return np.array(rows)[None, None]

    return oracle


def param(text, nms=""):
    return f"detection_output_param {{ num_classes: 3 {text} nms_param {{ {nms} }} }}"


def case(fields, oracle, bottoms=(OFFSETS, SCORES, WITH_VARIANCES), **options):
    return Case(fields, bottoms, oracle=oracle, gradients=False, **options)


class TestDetectionOutput(LayerContract):
    type_name = "DetectionOutput"
    cases = {
        "default": case(param(""), found()),
        "threshold": case(param("confidence_threshold: 0.5", "nms_threshold: 0.1"), found(0.1, 0.5), phase="TEST"),
        "top_k": case(param("", "nms_threshold: 0.9 top_k: 3"), found(0.9, most=3)),
        "keep_top_k": case(param("keep_top_k: 4", "nms_threshold: 0.9"), found(0.9, keep=4)),
        "keep_none": case(param("keep_top_k: 0"), found(keep=0)),
        "nothing_found": case(param("confidence_threshold: 2"), found(least=2)),
        "background": case(param("background_label_id: 2"), found(background=2)),
        "no_background": case(param("background_label_id: -1"), found(background=-1)),
        "box_for_each_class": case(
            param("share_location: false"), found(shared=False), [OF_CLASSES, SCORES, WITH_VARIANCES]
        ),
        "in_target": case(
            param("variance_encoded_in_target: true"), found(variance=1), [OFFSETS / 10, SCORES, WITH_VARIANCES]
        ),
        "with_images": case(param(""), found(), [OFFSETS, SCORES.reshape(2, 10, 3), WITH_VARIANCES, (2, 3, 4, 4)]),
    }
    errors = {
        "no_classes": ErrorCase(
            "",
            [(2, 40), (2, 30), WITH_VARIANCES],
            message="""
            error: num_classes is missing or 0
              expected: the number of classes, background included
              got:      none
            """,
        ),
        "nms": ErrorCase(
            param("", "eta: 2"),
            [(2, 40), (2, 30), WITH_VARIANCES],
            message="""
            error: nms_param is out of range
              expected: nms_threshold of at least 0, and eta above 0 and at most 1
              got:      0.3 and 2
            """,
        ),
        "scores": ErrorCase(
            param(""),
            [(2, 40), (2, 20), WITH_VARIANCES],
            message="""
            error: the number of scores does not fit the priors
              expected: 30 in each of 2 images: 3 for each prior
              got:      bottom of shape 2x20
            """,
        ),
        "priors": ErrorCase(
            param(""),
            [(2, 40), (2, 30), (1, 2, 42)],
            message="""
            error: these are no priors
              expected: 1 x 2 x 4P, of PriorBox
              got:      1x2x42
            """,
        ),
        "extent": ErrorCase(
            param("code_type: CENTER_SIZE"),
            [(2, 40), (2, 30), np.zeros((1, 2, 40))],
            message="""
            error: a prior has no extent
              expected: width and height above 0
              got:      prior 0: 0, 0, 0, 0
            """,
        ),
    }


def test_of_equal_scores_the_first_prior_comes_first():
    scores = np.full((1, 30), 0.5)
    text = layer_text("DetectionOutput", param("keep_top_k: 3", "nms_threshold: 1"), bottoms=3)
    [rows] = LayerRunner(text, [np.zeros((1, 40)), scores, WITH_VARIANCES]).forward()
    np.testing.assert_array_equal(rows[0, 0, :, 1], 1)
    np.testing.assert_array_equal(rows[0, 0, :, 3:], PRIORS[:3])
