from __future__ import annotations

import math

import numpy as np
import pytest

from pycaffelite.testing import Case, ErrorCase, LayerContract, LayerRunner, layer_text

RANDOM = np.random.default_rng(12)
P, C = 24, 4
CORNERS = RANDOM.uniform(-0.1, 0.6, (P, 2))
PRIORS = np.hstack((CORNERS, CORNERS + RANDOM.uniform(0.15, 0.5, (P, 2))))
WITH_VARIANCES = np.array([PRIORS, np.tile([0.1, 0.1, 0.2, 0.2], (P, 1))]).reshape(1, 2, 4 * P).astype(np.float32)
# image, class, number, left, top, right, bottom, difficult: close to priors 3, 8, 8 (again), 15 and 20
TRUTHS = np.zeros((1, 1, 7, 8), np.float32)
for row, (image, label, prior, difficult) in enumerate(
    [(0, 1, 3, 0), (0, 3, 8, 0), (2, 2, 8, 0), (0, 1, 15, 1), (2, 2, 20, 0), (-1, 0, 0, 0), (0, 3, 12, 0)]
):
    TRUTHS[0, 0, row, :3] = image, label, row
    TRUTHS[0, 0, row, 3:7] = np.clip(PRIORS[prior] + RANDOM.uniform(-0.04, 0.04, 4), 0, 1)
    TRUTHS[0, 0, row, 7] = difficult


def share(a, b):
    width, height = (max(0.0, min(a[k + 2], b[k + 2]) - max(a[k], b[k])) for k in (0, 1))
    areas = [(box[2] - box[0]) * (box[3] - box[1]) if box[2] > box[0] and box[3] > box[1] else 0.0 for box in (a, b)]
    return width * height / (sum(areas) - width * height) if width * height > 0 else 0.0


def coded(truth, prior, variance, code):
    w, h = prior[2] - prior[0], prior[3] - prior[1]
    if code == "CORNER":
        numbers = truth - prior
    elif code == "CORNER_SIZE":
        numbers = (truth - prior) / [w, h, w, h]
    else:
        x, y = (truth[0] + truth[2] - prior[0] - prior[2]) / 2, (truth[1] + truth[3] - prior[1] - prior[3]) / 2
        numbers = np.array([x / w, y / h, math.log((truth[2] - truth[0]) / w), math.log((truth[3] - truth[1]) / h)])
    return numbers / variance


def box_of(offsets, prior, variance, code):
    deltas, w, h = offsets * variance, prior[2] - prior[0], prior[3] - prior[1]
    if code == "CORNER":
        return prior + deltas
    if code == "CORNER_SIZE":
        return prior + deltas * [w, h, w, h]
    x, y = (prior[0] + prior[2]) / 2 + deltas[0] * w, (prior[1] + prior[3]) / 2 + deltas[1] * h
    w, h = math.exp(deltas[2]) * w, math.exp(deltas[3]) * h
    return np.array([x - w / 2, y - h / 2, x + w / 2, y + h / 2])


def pairs_of(truths, places, overlap, each):
    """{place: true box}, from all pairs sorted once."""
    table = sorted((-share(place, truth), p, t) for p, place in enumerate(places) for t, truth in enumerate(truths))
    pairs: dict[int, int] = {}
    for negative, p, t in table:
        if -negative > 1e-6 and p not in pairs and t not in pairs.values():
            pairs[p] = t
    for p, place in enumerate(places):
        shares = [share(place, truth) for truth in truths]
        if each and p not in pairs and shares and max(shares) >= overlap:
            pairs[p] = int(np.argmax(shares))
    return pairs


class Oracle:
    """The loss, with dictionaries and without any kernel."""

    def __init__(self, **options):
        self.options = {
            "code": "CORNER", "overlap": 0.5, "each": True, "mining": "MAX_NEGATIVE", "ratio": 3, "far": 0.5,
            "sample": 64, "shared": True, "priors": True, "background": 0, "difficult": True, "l2": False,
            "logistic": False, "weight": 1, "mode": "VALID", "plain": False, "agnostic": False, "inside": False,
            "cut": False, "nms": None, "parts": (1, 1),
        } | options  # fmt: skip

    def __getattr__(self, name):
        return self.options[name]

    def __call__(self, bottoms, params):
        self.prior, self.variance = bottoms[2].reshape(2, -1, 4)
        count = len(self.prior)
        scores = bottoms[1].reshape(len(bottoms[1]), count, -1)
        offsets = bottoms[0].reshape(len(scores), count, -1, 4)
        rows = bottoms[3].reshape(-1, 8)
        total_offsets = total_scores = matched = 0
        for n in range(len(scores)):
            own = [row for row in rows if row[0] == n and (self.difficult or not row[7])]
            losses = self.image(offsets[n], scores[n], [row[3:7] for row in own], [int(row[1]) for row in own])
            total_offsets, total_scores, matched = np.add((total_offsets, total_scores, matched), losses)
        divisor = {"VALID": matched, "FULL": len(scores) * count, "BATCH_SIZE": len(scores), "NONE": 1}[self.mode]
        loss = self.weight * self.parts[0] * total_offsets + self.parts[1] * total_scores
        return np.array(loss / max(1, divisor))

    def image(self, offsets, scores, truths, labels):
        if not truths and self.mining != "NONE":
            return 0, 0, 0
        if self.agnostic:
            labels = [self.background + 1] * len(labels)
        slots = [0] if self.shared else [k for k in range(offsets.shape[1]) if k != self.background]
        found = [(slot, p, t) for slot in slots for p, t in self.match(slot, offsets[:, slot], truths, labels).items()]
        offset_loss = {(slot, p): self.offset_loss(offsets[p, slot], p, truths[t]) for slot, p, t in found}
        label_of = {p: labels[t] for _, p, t in found}
        chosen = range(len(scores))
        if self.mining != "NONE":
            chosen = self.choose(scores, offsets[:, 0], truths, label_of, offset_loss)
        left = [key for key in offset_loss if key[1] in chosen]
        sums = sum(offset_loss[key] for key in left), sum(self.score_loss(scores[p], label_of.get(p)) for p in chosen)
        return *sums, len(left)

    def match(self, slot, offsets, truths, labels):
        if self.priors:
            pairs = pairs_of(truths, self.places(offsets, True), self.overlap, self.each)
            return {p: t for p, t in pairs.items() if self.shared or labels[t] == slot}
        own = [t for t in range(len(truths)) if self.shared or labels[t] == slot]
        pairs = pairs_of([truths[t] for t in own], self.places(offsets, False), self.overlap, self.each)
        return {p: own[t] for p, t in pairs.items()}

    def places(self, offsets, priors):
        boxes = [
            prior if priors else box_of(o, prior, 1 if self.plain else v, self.code)
            for o, prior, v in zip(offsets, self.prior, self.variance, strict=True)
        ]
        outside = [self.cut and (box.min() < 0 or box.max() > 1) for box in boxes]
        return [np.full(4, -9.0) if out else box for out, box in zip(outside, boxes, strict=True)]

    def offset_loss(self, offsets, p, truth):
        target = coded(truth, self.prior[p], 1 if self.plain else self.variance[p], self.code)
        distance = np.abs(offsets - target) / (self.variance[p] if self.plain else 1)
        box = self.prior[p] if self.priors else box_of(offsets, self.prior[p], self.variance[p], self.code)
        distance = distance * (((box >= 0) & (box <= 1)) | (not self.inside))
        return sum(d * d / 2 if self.l2 or d < 1 else d - 0.5 for d in distance)

    def score_loss(self, scores, label):
        if self.logistic:
            default = None if self.mining == "NONE" else self.background
            targets = [k == (default if label is None else label) for k in range(len(scores))]
            shares = 1 / (1 + np.exp(-scores))
            return -sum(math.log(s if t else 1 - s) for s, t in zip(shares, targets, strict=True))
        return np.log(np.exp(scores).sum()) - scores[self.background if label is None else label]

    def choose(self, scores, offsets, truths, label_of, offset_loss):
        losses = {p: self.score_loss(scores[p], label_of.get(p)) for p in range(len(scores))}
        places = self.places(offsets, self.priors)
        if self.mining == "HARD_EXAMPLE":
            losses = {p: loss + offset_loss.get((0, p), 0) for p, loss in losses.items()}
            candidates, count = list(losses), self.sample
        else:
            shares = {p: max(share(places[p], truth) for truth in truths) for p in losses}
            candidates = [p for p in losses if p not in label_of and shares[p] < self.far and places[p][0] > -9]
            count = int(len(label_of) * self.ratio)
        order = sorted(candidates, key=lambda p: -losses[p])
        if self.nms is not None:
            kept: list[int] = []
            boxes = self.prior if self.nms[1] else self.places(offsets, False)
            for p in order:
                real = share(boxes[p], boxes[p]) > 0  # and not the wrong way round
                if real and all(share(boxes[p], boxes[q]) <= np.float32(self.nms[0]) for q in kept):
                    kept.append(p)
            order = kept
        chosen = order[:count]
        if self.mining == "HARD_EXAMPLE":
            return [p for p in chosen if places[p][0] > -9]
        return sorted(label_of) + chosen


SHAPES = [(3, 4 * P), (3, P * C), WITH_VARIANCES, TRUTHS]
OF_CLASSES = [(3, 4 * P * C), *SHAPES[1:]]


def param(text, more=""):
    return f"multibox_loss_param {{ num_classes: {C} {text} }} {more}"


def case(fields, bottoms=SHAPES, phase="TRAIN", **options):
    return Case(fields, bottoms, phase, oracle=Oracle(**options), skip_kinks=True)


SSD = "code_type: CENTER_SIZE neg_overlap: 0.5 use_prior_for_matching: true mining_type: MAX_NEGATIVE"


class TestMultiBoxLoss(LayerContract):
    type_name = "MultiBoxLoss"
    cases = {
        "default": case(param("")),
        "of_ssd": case(param(SSD, "loss_param { normalization: VALID } propagate_down: [true, true, false, false]"),
                       code="CENTER_SIZE"),
        "corner_size": case(param("code_type: CORNER_SIZE loc_weight: 0.5"), code="CORNER_SIZE", weight=0.5),
        "bipartite": case(param("match_type: BIPARTITE"), each=False),
        "threshold": case(param("overlap_threshold: 0.3 neg_overlap: 0.2"), overlap=0.3, far=np.float32(0.2)),
        "without_difficult": case(param("use_difficult_gt: false neg_pos_ratio: 1.5"), difficult=False, ratio=1.5),
        "no_mining": case(param("mining_type: NONE"), mining="NONE"),
        "no_mining_of_old": case(param("do_neg_mining: false"), mining="NONE"),
        "hard_examples": case(param("mining_type: HARD_EXAMPLE sample_size: 5"), mining="HARD_EXAMPLE", sample=5),
        "background_last": case(
            param("background_label_id: 3 use_difficult_gt: false"),
            [*SHAPES[:3], np.where(np.arange(8) == 1, np.minimum(TRUTHS, 2), TRUTHS)],
            background=3,
            difficult=False,
        ),
        "logistic": case(param("conf_loss_type: LOGISTIC"), logistic=True),
        "logistic_all": case(param("conf_loss_type: LOGISTIC mining_type: NONE"), logistic=True, mining="NONE"),
        "l2": case(param("loc_loss_type: L2"), l2=True),
        "in_target": case(param("encode_variance_in_target: true"), plain=True),
        "agnostic": case(
            "multibox_loss_param { num_classes: 2 map_object_to_agnostic: true }",
            [(3, 4 * P), (3, P * 2), *SHAPES[2:]],
            agnostic=True,
        ),
        "box_for_each_class": case(
            param("share_location: false mining_type: NONE"), OF_CLASSES, shared=False, mining="NONE"
        ),
        "match_predictions": case(
            param("use_prior_for_matching: false overlap_threshold: 0.3"), priors=False, overlap=0.3
        ),
        "match_predictions_of_classes": case(
            param("share_location: false mining_type: NONE use_prior_for_matching: false overlap_threshold: 0.3"),
            OF_CLASSES, shared=False, mining="NONE", priors=False, overlap=0.3,
        ),
        "inside": case(param("bp_inside: true"), inside=True),
        "cross_boundary": case(param("ignore_cross_boundary_bbox: true"), cut=True),
        "cross_boundary_hard": case(
            param("ignore_cross_boundary_bbox: true mining_type: HARD_EXAMPLE sample_size: 9"),
            cut=True, mining="HARD_EXAMPLE", sample=9,
        ),
        "nms_of_priors": case(
            param("nms_param { nms_threshold: 0.2 } use_prior_for_nms: true neg_pos_ratio: 4"), nms=(0.2, True), ratio=4
        ),
        "nms_of_boxes": case(param("nms_param { nms_threshold: 0.1 } neg_pos_ratio: 4"), nms=(0.1, False), ratio=4),
        "full": case(param("", "loss_param { normalization: FULL }"), mode="FULL"),
        "batch_size": case(param("", "loss_param { normalize: false }"), mode="BATCH_SIZE", phase="TEST"),
        "scores_only": case(
            param("", "propagate_down: false propagate_down: true propagate_down: false propagate_down: false"),
            parts=(0, 1),
        ),
        "no_true_boxes": case(param(""), [*SHAPES[:3], np.full((1, 1, 1, 8), -1)]),
    }  # fmt: skip
    errors = {
        "no_classes": ErrorCase(
            "",
            SHAPES,
            message="""
            error: num_classes is missing or 0
              expected: the number of classes, background included
              got:      none
            """,
        ),
        "mining_by_class": ErrorCase(
            param("share_location: false"),
            OF_CLASSES,
            message="""
            error: mining needs one box for all classes
              expected: `mining_type: NONE`, or `share_location: true`
              got:      share_location: false with mining
            """,
        ),
        "contradiction": ErrorCase(
            param("do_neg_mining: true mining_type: NONE"),
            SHAPES,
            message="""
            error: do_neg_mining and mining_type contradict each other
              expected: mining_type alone
              got:      do_neg_mining: true with mining_type: NONE
            """,
        ),
        "ratio": ErrorCase(
            param("neg_pos_ratio: 0"),
            SHAPES,
            message="""
            error: neg_pos_ratio is out of range
              expected: a ratio above 0
              got:      0
            """,
        ),
        "sample": ErrorCase(
            param("mining_type: HARD_EXAMPLE sample_size: 0"),
            SHAPES,
            message="""
            error: sample_size is out of range
              expected: at least 1
              got:      0
            """,
        ),
        "agnostic": ErrorCase(
            param("map_object_to_agnostic: true"),
            SHAPES,
            message="""
            error: map_object_to_agnostic makes one class of all
              expected: `num_classes: 2`, with that of background
              got:      4
            """,
        ),
        "no_background": ErrorCase(
            param("background_label_id: 4"),
            SHAPES,
            message="""
            error: background is no class
              expected: background_label_id below num_classes 4
              got:      4
            """,
        ),
        "offsets": ErrorCase(
            param(""),
            [(3, 4 * P + 4), *SHAPES[1:]],
            message="""
            error: the number of offsets does not fit the priors
              expected: 96 in each of 3 images: 4 for each prior
              got:      bottom of shape 3x100
            """,
        ),
        "truths": ErrorCase(
            param(""),
            [*SHAPES[:3], (1, 1, 2, 7)],
            message="""
            error: these are no true boxes
              expected: 1 x 1 x G x 8
              got:      1x1x2x7
            """,
        ),
        "class": ErrorCase(
            param(""),
            [*SHAPES[:3], np.array([[[[1, 4, 0, 0.1, 0.1, 0.5, 0.5, 0]]]])],
            message="""
            error: the class of a true box is background or none
              expected: classes from 0 to 3, without background 0
              got:      class 4, in image 1
            """,
        ),
        "variance": ErrorCase(
            param(""),
            [*SHAPES[:2], WITH_VARIANCES * (np.arange(2) == 0)[:, None], TRUTHS],
            message="""
            error: a prior has no variance
              expected: variances above 0
              got:      0
            """,
        ),
    }


@pytest.mark.parametrize("ratio", [1, 3])
def test_of_equal_losses_the_first_priors_are_mined(ratio):
    text = layer_text("MultiBoxLoss", param(f"neg_pos_ratio: {ratio} match_type: BIPARTITE"), bottoms=4)
    truth = np.array([[[[0, 1, 0, *PRIORS[10], 0]]]])
    runner = LayerRunner(text, [np.zeros((1, 4 * P)), np.zeros((1, C * P)), WITH_VARIANCES, truth])
    runner.forward()
    counted = np.flatnonzero(runner.backward()[1].reshape(P, C).any(1))
    far = [p for p in range(P) if p != 10 and share(WITH_VARIANCES[0, 0].reshape(P, 4)[p], truth[0, 0, 0, 3:7]) < 0.5]
    assert counted.tolist() == sorted([10, *far[:ratio]])
