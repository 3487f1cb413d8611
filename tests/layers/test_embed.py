from __future__ import annotations

import numpy as np

from pycaffelite.testing import Case, ErrorCase, LayerContract

WORDS = np.array([[1.0, 0, 3], [3, 3, 0]])


def oracle(bottoms, params):
    one_hot = np.eye(params[0].shape[0])[bottoms[0].astype(int)]
    return one_hot @ params[0] + (params[1] if len(params) > 1 else 0)


class TestEmbed(LayerContract):
    type_name = "Embed"
    cases = {
        "bias": Case("embed_param { num_output: 3 input_dim: 4 }", [WORDS], oracle=oracle),
        "no_bias": Case("embed_param { num_output: 2 input_dim: 5 bias_term: false }", [WORDS], oracle=oracle),
        "vector": Case("embed_param { num_output: 2 input_dim: 4 }", [WORDS[0]], oracle=oracle),
    }
    errors = {
        "no_row": ErrorCase(
            "embed_param { num_output: 2 input_dim: 3 }",
            [WORDS],
            message="""
            error: there is no row of this number
              expected: numbers from 0 to 2
              got:      3, element 2 of the bottom
            """,
        ),
        "no_input_dim": ErrorCase(
            "embed_param { num_output: 2 }",
            [WORDS],
            message="""
            error: input_dim is missing or 0
              expected: the number of different inputs, at least 1
              got:      0
            """,
        ),
        "no_output": ErrorCase(
            "embed_param { input_dim: 2 }",
            [WORDS],
            message="""
            error: num_output is missing
              expected: num_output from 1 to 2147483647
              got:      none

            hint: write `embed_param { num_output: 20 }`
            """,
        ),
    }
