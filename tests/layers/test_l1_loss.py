from __future__ import annotations

import numpy as np

from pycaffelite.testing import Case, ErrorCase, LayerContract


def mean_distance(bottoms, params):
    a, b = (bottom.reshape(len(bottom), -1) for bottom in bottoms)
    return np.array(np.abs(a - b).sum() / len(a))


class TestL1Loss(LayerContract):
    type_name = "L1Loss"
    cases = {
        "default": Case(bottoms=[(4, 3), (4, 3)], oracle=mean_distance, skip_kinks=True),
        "weight": Case("loss_weight: 0.2", [(2, 3, 2, 2), (2, 3, 2, 2)], phase="TEST", oracle=mean_distance),
        "second_only": Case(bottoms=[(4, 3), (4, 3)], wanted=[False, True], oracle=mean_distance),
        "shapes_differ": Case(bottoms=[(2, 6), (2, 3, 2)], oracle=mean_distance),
    }
    errors = {
        "records": ErrorCase(
            bottoms=[(2, 3), (3, 3)],
            message="""
            error: the bottoms differ in their number of records
              expected: two bottoms with the same first axis
              got:      shapes 2x3 and 3x3
            """,
        ),
        "elements": ErrorCase(
            bottoms=[(2, 3), (2, 4)],
            message="""
            error: the bottoms differ in their number of elements a record
              expected: 3, as in bottom 0 of shape 2x3
              got:      4, in bottom 1 of shape 2x4
            """,
        ),
    }
