from __future__ import annotations

import numpy as np

from pycaffelite.testing import Case, ErrorCase, LayerContract

RANDOM = np.random.default_rng(3)
ANCHORS = [(1.0, 1.5), (2.5, 0.75)]
BIASES = "biases: 1 biases: 1.5 biases: 2.5 biases: 0.75"
S, C = 4, 3
X = RANDOM.standard_normal((2, 16, S, S)).astype(np.float32)
# One row is made to find the first true box, twice.
X[0, :5, 1, 2] = [0, 0, 0, 0, 3]
X[0, 5:8, 1, 2] = [4, 0, 0]
X[0, 8:13, 1, 2] = [0, 0, np.log(0.4), np.log(2), 2]
X[0, 13:16, 1, 2] = [3, 0, 0]
TRUTHS = np.zeros((2, 15), np.float32)
TRUTHS[0, :10] = [0, 0.625, 0.375, 0.25, 0.375, 2, 0.2, 0.8, 0.25, 0.25]
TRUTHS[1, :5] = [1, 0.5, 0.5, 0.75, 0.75]


def sigmoid(value):
    return 1 / (1 + np.exp(-value))


def share(a, b):
    sides = [
        min(a[k] + a[k + 2] / 2, b[k] + b[k + 2] / 2) - max(a[k] - a[k + 2] / 2, b[k] - b[k + 2] / 2) for k in (0, 1)
    ]
    common = max(0.0, sides[0]) * max(0.0, sides[1])
    return common / (a[2] * a[3] + b[2] * b[3] - common)


def judged(nms=None, threshold=0.5, score="MULTIPLY"):
    def oracle(bottoms, params):
        top = np.zeros((2, C + 4 * 2 * S * S))
        for n, x in enumerate(bottoms[0]):
            truths = [tuple(row) for row in TRUTHS[n].reshape(-1, 5).astype(float) if row[3]]
            for label, *_ in truths:
                top[n, int(label)] += 1
            found = []
            for h, w, a in np.ndindex(S, S, 2):
                v = x[a * 8 : a * 8 + 8, h, w]
                box = ((w + sigmoid(v[0])) / S, (h + sigmoid(v[1])) / S,
                       np.exp(v[2]) * ANCHORS[a][0] / S, np.exp(v[3]) * ANCHORS[a][1] / S)  # fmt: skip
                part = np.exp(v[5:]) / np.exp(v[5:]).sum()
                scores = {"OBJ": sigmoid(v[4]), "PROB": part.max(), "MULTIPLY": sigmoid(v[4]) * part.max()}
                found.append((scores[score], int(np.argmax(part)), box))
            found.sort(key=lambda each: -each[0])
            if nms is not None:
                kept = []
                for each in found:
                    if all(share(each[2], other[2]) < nms for other in kept):
                        kept.append(each)
                found = [each for each in kept if each[0] >= 0.005]
            at, taken = C, set()
            for value, label, box in sorted(found, key=lambda each: each[1]):
                shares = [share(box, truth[1:]) if truth[0] == label else -1 for truth in truths]
                best = int(np.argmax(shares))
                right = shares[best] >= threshold and best not in taken
                taken |= {best} if right else set()
                top[n, at : at + 4] = [label, value, right, not right]
                at += 4
        return top

    return oracle


def param(text):
    return f"eval_detection_param {{ side: {S} num_class: {C} num_object: 2 {BIASES} {text} }}"


def case(fields, oracle):
    return Case(param(fields), [X, TRUTHS], "TEST", oracle=oracle, gradients=False)


class TestEvalDetection(LayerContract):
    type_name = "EvalDetection"
    cases = {
        "all": case("", judged()),
        "nms": case("nms: 0.5", judged(nms=0.5)),
        "threshold": case("nms: 0.3 threshold: 0.25", judged(nms=np.float32(0.3), threshold=0.25)),
        "by_confidence": case("score_type: OBJ", judged(score="OBJ")),
        "by_class": case("score_type: PROB nms: 0.5", judged(score="PROB", nms=0.5)),
    }
    errors = {
        "side": ErrorCase(
            param(""),
            [(2, 16, 4, 5), TRUTHS],
            message="""
            error: side does not fit the map
              expected: 4 rows and columns
              got:      bottom of shape 2x16x4x5
            """,
        ),
    }


def test_the_cases_hold_right_and_wrong_detections():
    rows = judged()([X.astype(float)], [])[0, C:].reshape(-1, 4)
    assert rows[:, 2].sum() == 1
    assert rows[:, 3].sum() == 31
