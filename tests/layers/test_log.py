from __future__ import annotations

import numpy as np

from pycaffelite.testing import Case, ErrorCase, LayerContract, LayerRunner, layer_text

POSITIVE = np.random.default_rng(1).uniform(0.5, 3, (2, 3)).astype(np.float32)


class TestLog(LayerContract):
    type_name = "Log"
    cases = {
        "e": Case(bottoms=[POSITIVE], oracle=lambda b, p: np.log(b[0])),
        "ten": Case("log_param { base: 10 scale: 2 }", [POSITIVE], oracle=lambda b, p: np.log10(2 * b[0])),
        "half": Case("log_param { base: 0.5 shift: 3 }", [POSITIVE], oracle=lambda b, p: -np.log2(b[0] + 3)),
    }
    errors = {
        "negative": ErrorCase(
            "log_param { base: -2 }",
            message="""
            error: the base is not positive
              expected: a base above 0, or -1 for e
              got:      base -2
            """,
        ),
        "one": ErrorCase(
            "log_param { base: 1 }",
            message="""
            error: there is no logarithm to base 1
              expected: another base, or -1 for e
              got:      base 1
            """,
        ),
    }


def test_of_what_is_not_positive():
    runner = LayerRunner(layer_text("Log"), [np.array([0.0, -1.0])])
    np.testing.assert_array_equal(runner.forward()[0], [-np.inf, np.nan])
