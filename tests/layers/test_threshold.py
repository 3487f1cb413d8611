from __future__ import annotations

import numpy as np

from pycaffelite.testing import Case, ErrorCase, LayerContract


class TestThreshold(LayerContract):
    type_name = "Threshold"
    cases = {
        "zero": Case(oracle=lambda b, p: np.heaviside(b[0], 0), gradients=False),
        "at_it": Case(
            "threshold_param { threshold: 0.5 }",
            [np.array([0.25, 0.5, 0.75])],
            oracle=lambda b, p: [np.array([0.0, 0, 1])],
            gradients=False,
        ),
    }
    errors = {
        "no_bottom": ErrorCase(
            bottoms=[],
            message="""
            error: wrong number of bottoms
              expected: 1
              got:      0
            """,
        ),
    }
