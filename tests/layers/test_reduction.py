from __future__ import annotations

import numpy as np

from pycaffelite.testing import Case, ErrorCase, LayerContract


def oracle(function, axis=0, coeff=1.0):
    return lambda bottoms, params: coeff * function(bottoms[0].reshape(*bottoms[0].shape[:axis], -1))


def total(rows):
    return rows.sum(-1)


class TestReduction(LayerContract):
    type_name = "Reduction"
    cases = {
        "sum": Case(oracle=oracle(total)),
        "sum_axis": Case("reduction_param { axis: 1 coeff: 0.5 }", oracle=oracle(total, 1, 0.5)),
        "absolute": Case("reduction_param { operation: ASUM axis: -1 }", oracle=oracle(lambda r: np.abs(r).sum(-1), 3)),
        "squares": Case(
            "reduction_param { operation: SUMSQ axis: 2 coeff: -2 }", oracle=oracle(lambda r: (r * r).sum(-1), 2, -2)
        ),
        "mean": Case("reduction_param { operation: MEAN axis: 1 coeff: 3 }", oracle=oracle(lambda r: r.mean(-1), 1, 3)),
        "loss": Case('layer { name: "r" type: "Reduction" bottom: "x" top: "y" loss_weight: 2 }', oracle=oracle(total)),
    }
    errors = {
        "axis": ErrorCase(
            "reduction_param { axis: 4 }",
            message="""
            error: axis is out of range
              expected: axis from -4 to 3, for 4 axes
              got:      axis 4, bottom of shape 2x3x4x5
            """,
        ),
    }
