from __future__ import annotations

from functools import partial

import numpy as np

from pycaffelite.testing import Case, ErrorCase, LayerContract, LayerRunner

KINDS = np.array([1.0, 0, 0, 2, 0.5])


def contrast(bottoms, params, margin=1.0, legacy=False):
    a, b = (bottom.reshape(len(bottom), -1) for bottom in bottoms[:2])
    squares = ((a - b) ** 2).sum(axis=1)
    apart = np.maximum(0, margin - squares) if legacy else np.maximum(0, margin - np.sqrt(squares)) ** 2
    return np.array(np.where(np.trunc(bottoms[2].reshape(-1)) != 0, squares, apart).sum() / len(a) / 2)


class TestContrastiveLoss(LayerContract):
    type_name = "ContrastiveLoss"
    cases = {
        # What is added to the distance in the gradient makes it differ from the slope.
        "default": Case(bottoms=[(5, 3), (5, 3), KINDS], oracle=contrast, gradient_tolerance=2e-4),
        "margin": Case(
            "contrastive_loss_param { margin: 2.5 } loss_weight: 0.3",
            [(5, 3, 1, 1), (5, 3), KINDS.reshape(5, 1)],
            oracle=partial(contrast, margin=2.5),
            gradient_tolerance=2e-4,
        ),
        "legacy": Case(
            "contrastive_loss_param { margin: 4 legacy_version: true }",
            [(5, 3), (5, 3), KINDS],
            oracle=partial(contrast, margin=4, legacy=True),
        ),
        "one_side": Case(
            bottoms=[(5, 3), (5, 3), KINDS],
            wanted=[False, True, False],
            oracle=contrast,
            gradient_tolerance=2e-4,
        ),
    }
    errors = {
        "lengths": ErrorCase(
            bottoms=[(2, 3), (2, 4), (2,)],
            message="""
            error: the pairs are no vectors of one length
              expected: two bottoms N x C, or N x C x 1 x 1
              got:      shapes 2x3 and 2x4
            """,
        ),
        "kinds": ErrorCase(
            bottoms=[(2, 3), (2, 3), (3,)],
            message="""
            error: there is not one number for each pair
              expected: a third bottom of shape 2
              got:      shape 3
            """,
        ),
    }


def test_equal_vectors_of_different_kinds_stay():
    text = 'layer { name: "a" type: "ContrastiveLoss" bottom: "a" bottom: "b" bottom: "y" top: "l" }'
    runner = LayerRunner(text, [np.ones((1, 2)), np.ones((1, 2)), np.zeros(1)])
    assert runner.forward()[0] == 0.5
    assert not np.any(runner.backward()[0])
