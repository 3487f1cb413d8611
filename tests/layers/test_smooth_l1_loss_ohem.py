from __future__ import annotations

import numpy as np

from pycaffelite.testing import Case, ErrorCase, LayerContract


def single(bottoms, params, divisor=None):
    weights = bottoms[2] if len(bottoms) > 2 else 1
    distance = np.abs(weights * (bottoms[0] - bottoms[1]))
    losses = np.where(distance < 1, distance**2 / 2, distance - 0.5).sum(1, keepdims=True)
    return [np.array(losses.sum() / (divisor or losses.size)), losses]


def first(count, **options):
    return lambda bottoms, params: single(bottoms, params, **options)[:count]


SHAPE = (3, 8, 2, 1)


class TestSmoothL1LossOHEM(LayerContract):
    type_name = "SmoothL1LossOHEM"
    cases = {
        "default": Case(bottoms=[SHAPE] * 2, oracle=first(1)),
        "both_tops": Case(bottoms=[SHAPE] * 3, tops=2, top_diffs=[1.0, 0.0], oracle=first(2)),
        "vectors": Case(bottoms=[(3, 8)] * 3, tops=2, top_diffs=[1.0, 0.0], oracle=first(2), phase="TEST"),
        "pre_fixed": Case(
            "loss_weight: 0.5 loss_param { normalization: PRE_FIXED pre_fixed_normalizer: 128 }",
            [SHAPE] * 3,
            oracle=first(1, divisor=128),
        ),
        "batch_size": Case("loss_param { normalize: false }", [SHAPE] * 2, oracle=first(1, divisor=3)),
    }
    errors = {
        "elements": ErrorCase(
            bottoms=[(2, 4), (2, 4), (2, 8)],
            message="""
            error: the bottoms differ in their elements
              expected: as many records, and elements a record, as in bottom 0 of shape 2x4
              got:      bottom 2 of shape 2x8
            """,
        ),
        "one_axis": ErrorCase(
            bottoms=[(2,), (2,)],
            message="""
            error: there is no axis of channels
              expected: at least two axes
              got:      2
            """,
        ),
    }
