from __future__ import annotations

import numpy as np

from pycaffelite.testing import Case, ErrorCase, LayerContract


def oracle(alpha):
    return lambda bottoms, params: np.where(bottoms[0] > 0, bottoms[0], alpha * (np.exp(bottoms[0]) - 1))


class TestELU(LayerContract):
    type_name = "ELU"
    cases = {
        "one": Case(oracle=oracle(1)),
        "half": Case("elu_param { alpha: 0.5 }", oracle=oracle(0.5), skip_kinks=True),
        "negative": Case("elu_param { alpha: -2 }", [(7,)], oracle=oracle(-2), skip_kinks=True),
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
