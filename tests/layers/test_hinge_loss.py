from __future__ import annotations

from functools import partial

import numpy as np

from pycaffelite.testing import Case, ErrorCase, LayerContract

LABELS = np.array([2.0, 0, 1, 2, 1])


def hinge(bottoms, params, power=1):
    x = bottoms[0].reshape(len(bottoms[0]), -1)
    signs = np.where(np.arange(x.shape[1]) == bottoms[1].reshape(-1, 1), 1, -1)
    return np.array((np.maximum(0, 1 - signs * x) ** power).sum() / len(x))


class TestHingeLoss(LayerContract):
    type_name = "HingeLoss"
    cases = {
        "default": Case(bottoms=[(5, 3), LABELS], oracle=hinge, skip_kinks=True),
        "squares": Case(
            "hinge_loss_param { norm: L2 } loss_weight: 0.3",
            [(5, 3), LABELS.reshape(5, 1, 1, 1)],
            oracle=partial(hinge, power=2),
        ),
        "all_elements_are_classes": Case(bottoms=[(5, 3, 2, 1), LABELS], oracle=hinge, skip_kinks=True),
        "exactly_at_the_margin": Case(
            bottoms=[np.array([[1.0, -1, -1], [-1, 1, 0.5]]), np.array([0.0, 1])], oracle=hinge, gradients=False
        ),
    }
    errors = {
        "labels": ErrorCase(
            bottoms=[(2, 3), (2, 3)],
            message="""
            error: there is not one label for each record
              expected: 2 labels, for scores of shape 2x3
              got:      6, of shape 2x3
            """,
        ),
        "no_class": ErrorCase(
            bottoms=[(2, 3), np.array([1.0, 3])],
            message="""
            error: a label is no class
              expected: a class from 0 to 2: the scores have 3
              got:      label 3 in record 1 of the batch

            hint: raise `num_output` of the layer that makes the scores
            """,
        ),
        "no_scores": ErrorCase(
            bottoms=[(2, 0), (2,)],
            message="""
            error: there are no classes
              expected: records that hold scores
              got:      shape 2x0
            """,
        ),
    }
