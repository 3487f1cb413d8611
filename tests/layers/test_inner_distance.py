from __future__ import annotations

import numpy as np

from pycaffelite.testing import Case, ErrorCase, LayerContract


def distances(power, *, bias=True, normalize=False):
    def oracle(bottoms, params):
        x, w = bottoms[0], params[0]
        if normalize:
            w = w / np.sqrt((w**2).sum(1, keepdims=True) + 1e-6)
        y = (abs(x.reshape(len(x), 1, -1) - w) ** power).sum(2)
        return y + params[1] if bias else y

    return oracle


class TestInnerDistance(LayerContract):
    type_name = "InnerDistance"
    cases = {
        "default": Case("inner_distance_param { num_output: 3 }", [(4, 5)], oracle=distances(2)),
        "no_bias": Case(
            "inner_distance_param { num_output: 2 bias_term: false }", [(3, 2, 2)], oracle=distances(2, bias=False)
        ),
        "absolute": Case(
            'inner_distance_param { num_output: 3 distance_type: "L1" }', [(4, 5)], oracle=distances(1), skip_kinks=True
        ),
        "normalized": Case(
            "inner_distance_param { num_output: 3 normalize: true }",
            [(4, 5)],
            oracle=distances(2, normalize=True),
            gradients=False,  # as in the fork it does not see the normalization
        ),
    }
    errors = {
        "kind": ErrorCase(
            'inner_distance_param { num_output: 3 distance_type: "L3" }',
            message="""
            error: unknown distance_type
              expected: "L1" or "L2"
              got:      "L3"
            """,
        ),
        "nothing": ErrorCase(
            "inner_distance_param { num_output: 3 }",
            bottoms=[(2, 0)],
            message="""
            error: there is nothing to measure
              expected: inputs
              got:      shape 2x0
            """,
        ),
        "outputs": ErrorCase(
            message="""
            error: num_output is missing
              expected: num_output from 1 to 2147483647
              got:      none

            hint: write `inner_distance_param { num_output: 20 }`
            """,
        ),
    }
