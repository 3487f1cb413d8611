from __future__ import annotations

from functools import partial

import numpy as np

from pycaffelite.testing import Case, ErrorCase, LayerContract


def smooth(bottoms, params, sigma=1.0):
    """The mean over records; the two branches written apart."""
    a, b = (bottom.reshape(-1) for bottom in bottoms[:2])
    inside, outside = (bottoms[i].reshape(-1) if len(bottoms) > i else np.ones(a.size) for i in (2, 3))
    distance = np.abs(inside * (a - b))
    quadratic, absolute = (sigma * distance) ** 2 / 2, distance - 1 / (2 * sigma**2)
    losses = outside * np.where(distance < 1 / sigma**2, quadratic, absolute)
    return np.array(losses.sum() / len(bottoms[0]))


SHAPE = (4, 8, 2, 3)


class TestSmoothL1Loss(LayerContract):
    type_name = "SmoothL1Loss"
    cases = {
        "default": Case(bottoms=[SHAPE, SHAPE], oracle=smooth),
        "sigma": Case("smooth_l1_loss_param { sigma: 3 }", [SHAPE, SHAPE], oracle=partial(smooth, sigma=3.0)),
        "inside": Case(bottoms=[SHAPE] * 3, oracle=smooth, wanted=[True, False, False]),
        "inside_and_outside": Case("loss_weight: 0.5", [(5, 8)] * 4, oracle=smooth),
        "second_only": Case(bottoms=[(5, 8)] * 4, oracle=smooth, wanted=[False, True, False, False]),
        "shapes_differ": Case(bottoms=[(5, 8), (5, 8, 1, 1)], oracle=smooth, phase="TEST"),
    }
    errors = {
        "sigma": ErrorCase(
            "smooth_l1_loss_param { sigma: 0 }",
            [(2, 4), (2, 4)],
            message="""
            error: sigma is out of range
              expected: sigma above 0
              got:      0
            """,
        ),
        "elements": ErrorCase(
            bottoms=[(2, 4), (2, 4), (2, 8)],
            message="""
            error: the bottoms differ in their elements
              expected: as many records, and elements a record, as in bottom 0 of shape 2x4
              got:      bottom 2 of shape 2x8
            """,
        ),
    }
