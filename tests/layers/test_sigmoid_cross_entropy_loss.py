from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from pycaffelite.testing import Case, ErrorCase, LayerContract, LayerRunner, close, layer_text

TARGETS = np.array([[0, 1, 0.25], [1, 1, 0]])


def cross_entropy(bottoms, params, ignore=None, mode="BATCH_SIZE"):
    loss, valid, (x, t) = 0.0, 0, bottoms
    for score, target in zip(x.reshape(-1), t.reshape(-1), strict=True):
        if ignore is None or int(target) != ignore:
            p = 1 / (1 + np.exp(-score))
            loss -= target * np.log(p) + (1 - target) * np.log(1 - p)
            valid += 1
    return np.array(loss / max(1, {"FULL": x.size, "VALID": valid, "BATCH_SIZE": len(x), "NONE": 1}[mode]))


def param(text):
    return f"loss_param {{ ignore_label: 1 {text} }}"


class TestSigmoidCrossEntropyLoss(LayerContract):
    type_name = "SigmoidCrossEntropyLoss"
    cases = {
        "default": Case(bottoms=[(2, 3), TARGETS], oracle=cross_entropy),
        "weight": Case("loss_weight: 3", [(2, 3), TARGETS], phase="TEST", oracle=cross_entropy),
        "shapes_differ": Case(bottoms=[(2, 3, 1), TARGETS], oracle=cross_entropy),
        "ignore": Case(param(""), [(2, 3), TARGETS], oracle=partial(cross_entropy, ignore=1)),
        "ignore_truncates": Case(
            "loss_param { ignore_label: 0 normalization: VALID }",
            [(2, 3), TARGETS],
            oracle=partial(cross_entropy, ignore=0, mode="VALID"),
        ),
        "all_ignored": Case(
            param("normalization: VALID"), [(2, 1), np.ones((2, 1))], oracle=lambda b, p: np.array(0.0)
        ),
        "full": Case(
            param("normalization: FULL"), [(2, 3), TARGETS], oracle=partial(cross_entropy, ignore=1, mode="FULL")
        ),
        "valid": Case(
            param("normalization: VALID"), [(2, 3), TARGETS], oracle=partial(cross_entropy, ignore=1, mode="VALID")
        ),
        "batch_size": Case(
            param("normalization: BATCH_SIZE"), [(2, 3), TARGETS], oracle=partial(cross_entropy, ignore=1)
        ),
        "none": Case(
            param("normalization: NONE"), [(2, 3), TARGETS], oracle=partial(cross_entropy, ignore=1, mode="NONE")
        ),
        "normalize": Case(
            param("normalize: true"), [(2, 3), TARGETS], oracle=partial(cross_entropy, ignore=1, mode="VALID")
        ),
        "do_not_normalize": Case(param("normalize: false"), [(2, 3), TARGETS], oracle=partial(cross_entropy, ignore=1)),
    }
    errors = {
        "records": ErrorCase(
            bottoms=[(2, 3), (3, 2)],
            message="""
            error: the bottoms differ in their number of records
              expected: two bottoms with the same first axis
              got:      shapes 2x3 and 3x2
            """,
        ),
        "elements": ErrorCase(
            bottoms=[(2, 3), (2, 4)],
            message="""
            error: the bottoms differ in their number of elements
              expected: as many targets as scores, 6 for shape 2x3
              got:      8, of shape 2x4
            """,
        ),
        "scalar": ErrorCase(
            bottoms=[(), ()],
            message="""
            error: the bottoms differ in their number of records
              expected: two bottoms with the same first axis
              got:      shapes () (a single number) and () (a single number)
            """,
        ),
    }


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_extreme_scores_stay_finite(dtype):
    scores, targets = np.array([[1e4, -1e4, 1e4, -1e4]]), np.array([[1.0, 0.0, 0.0, 1.0]])
    runner = LayerRunner(layer_text("SigmoidCrossEntropyLoss", bottoms=2), [scores, targets], dtype=dtype)
    close(runner.forward()[0], np.array(2e4), 1e-7, "loss")
    assert runner.backward()[0].tolist() == [[0, 0, 1, -1]]


def test_nan_targets_are_not_ignored():
    runner = LayerRunner(
        layer_text("SigmoidCrossEntropyLoss", param(""), bottoms=2), [np.zeros((1, 2)), np.array([[np.nan, 1]])]
    )
    assert np.isnan(runner.forward()[0])
