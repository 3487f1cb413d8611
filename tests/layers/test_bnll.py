from __future__ import annotations

import numpy as np

from pycaffelite.testing import Case, ErrorCase, LayerContract


class TestBNLL(LayerContract):
    type_name = "BNLL"
    cases = {
        "four_axes": Case(oracle=lambda b, p: np.logaddexp(0, b[0])),
        "far_out": Case(bottoms=[np.linspace(-90, 90, 9)], oracle=lambda b, p: np.logaddexp(0, b[0])),
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
