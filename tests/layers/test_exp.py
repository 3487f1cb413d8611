from __future__ import annotations

import numpy as np

from pycaffelite.testing import Case, ErrorCase, LayerContract, LayerRunner, layer_text


class TestExp(LayerContract):
    type_name = "Exp"
    cases = {
        "e": Case(oracle=lambda b, p: np.exp(b[0])),
        "two": Case("exp_param { base: 2 }", oracle=lambda b, p: 2 ** b[0]),
        "all": Case("exp_param { base: 0.5 scale: -2 shift: 3 }", oracle=lambda b, p: 0.5 ** (3 - 2 * b[0])),
        "shift": Case("exp_param { shift: -1 }", [(3,)], oracle=lambda b, p: np.exp(b[0] - 1)),
        "one": Case("exp_param { base: 1 }", [(3,)], oracle=lambda b, p: np.ones(3)),
    }
    errors = {
        "zero": ErrorCase(
            "exp_param { base: 0 }",
            message="""
            error: the base is not positive
              expected: a base above 0, or -1 for e
              got:      base 0
            """,
        ),
    }


def test_too_large_is_infinite():
    runner = LayerRunner(layer_text("Exp"), [np.array([800.0, -800.0])])
    assert runner.forward()[0].tolist() == [np.inf, 0]
