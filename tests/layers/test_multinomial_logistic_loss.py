from __future__ import annotations

import numpy as np

from pycaffelite.testing import Case, ErrorCase, LayerContract

SHARES = np.random.default_rng(4).dirichlet(np.ones(3), 5).astype(np.float32)
LABELS = np.array([2.0, 0, 1, 2, 1])


def likelihood(bottoms, params):
    x = bottoms[0].reshape(len(bottoms[0]), -1)
    own = x[np.arange(len(x)), bottoms[1].reshape(-1).astype(int)]
    return np.array(-np.log(np.maximum(own, 1e-20)).mean())


class TestMultinomialLogisticLoss(LayerContract):
    type_name = "MultinomialLogisticLoss"
    cases = {
        "default": Case(bottoms=[SHARES, LABELS], oracle=likelihood, gradient_tolerance=1e-5),
        "weight": Case(
            "loss_weight: 0.4",
            [SHARES.reshape(5, 3, 1, 1), LABELS.reshape(5, 1, 1, 1)],
            oracle=likelihood,
            gradient_tolerance=1e-5,
        ),
        "impossible": Case(bottoms=[np.array([[0.0, 1]]), np.array([0.0])], oracle=likelihood, gradients=False),
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
            bottoms=[(2, 3), np.array([1.0, -1])],
            message="""
            error: a label is no class
              expected: a class from 0 to 2: the scores have 3
              got:      label -1 in record 1 of the batch
            """,
        ),
    }
