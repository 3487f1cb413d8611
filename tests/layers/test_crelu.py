from __future__ import annotations

import numpy as np

from pycaffelite.testing import Case, ErrorCase, LayerContract


def both_parts(axis=1, slope=0.0):
    def oracle(bottoms, params):
        parts = [np.where(x > 0, x, slope * x) for x in (bottoms[0], -bottoms[0])]
        return np.concatenate(parts, axis)

    return oracle


class TestCReLU(LayerContract):
    type_name = "CReLU"
    cases = {
        "default": Case(oracle=both_parts(), skip_kinks=True),
        "slope": Case(
            "crelu_param { negative_slope: 0.25 concat_axis: -1 }",
            [(3, 4)],
            oracle=both_parts(-1, 0.25),
            skip_kinks=True,
        ),
    }
    errors = {
        "axis": ErrorCase(
            "crelu_param { concat_axis: 4 }",
            message="""
            error: concat_axis is out of range
              expected: concat_axis from -4 to 3, for 4 axes
              got:      concat_axis 4, bottom of shape 2x3x4x5
            """,
        ),
    }
