from __future__ import annotations

import numpy as np

from pycaffelite.testing import Case, ErrorCase, LayerContract


def oracle(beta):
    return lambda bottoms, params: bottoms[0] * 0.5 * (1 + np.tanh(beta * bottoms[0] / 2))


class TestSwish(LayerContract):
    type_name = "Swish"
    cases = {
        "one": Case(oracle=oracle(1)),
        "two": Case("swish_param { beta: 2 }", oracle=oracle(2)),
        "negative": Case("swish_param { beta: -0.5 }", [(7,)], oracle=oracle(-0.5)),
        "far_out": Case(bottoms=[np.linspace(-90, 90, 9)], oracle=oracle(1)),
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
