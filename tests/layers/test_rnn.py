from __future__ import annotations

from functools import partial

import numpy as np

from pycaffelite.testing import Case, ErrorCase, LayerContract

CONT = np.array([[0.0, 1], [1, 1], [1, 0], [0, 1]])


def recur(bottoms, params, static=False, exposed=False):
    """Return the tops: one step at a time, as the formulas read."""
    x, cont = bottoms[0].reshape(*bottoms[0].shape[:2], -1), bottoms[1]
    hidden_weights, out_weights, out_bias = params[-3:]
    h = bottoms[-1][0] if exposed else np.zeros((x.shape[1], len(out_bias)))
    more = bottoms[2].reshape(x.shape[1], -1) @ params[2].T if static else 0
    outputs = []
    for t in range(len(x)):
        h = np.tanh(x[t] @ params[0].T + params[1] + more + (h * cont[t][:, None]) @ hidden_weights.T)
        outputs.append(np.tanh(h @ out_weights.T + out_bias))
    return [np.stack(outputs), h[None]] if exposed else np.stack(outputs)


class TestRNN(LayerContract):
    type_name = "RNN"
    cases = {
        "default": Case("recurrent_param { num_output: 3 }", [(4, 2, 5), CONT], oracle=recur),
        "static": Case(
            "recurrent_param { num_output: 3 }", [(4, 2, 5), CONT, (2, 2, 2)], oracle=partial(recur, static=True)
        ),
        "exposed": Case(
            "recurrent_param { num_output: 3 expose_hidden: true }",
            [(4, 2, 5), CONT, (2, 4), (1, 2, 3)],
            tops=2,
            wanted=[True, False, True, False],
            top_diffs=[None, 0],
            oracle=partial(recur, static=True, exposed=True),
        ),
    }
    errors = {
        "vector": ErrorCase(
            "recurrent_param { num_output: 3 }",
            [(4,), (4,)],
            message="""
            error: the sequence markers do not fit the input
              expected: bottoms T x N x ... and T x N
              got:      shapes 4 and 4
            """,
        ),
        "bottoms": ErrorCase(
            "recurrent_param { num_output: 3 expose_hidden: true }",
            [(4, 2, 5), (4, 2)],
            message="""
            error: the number of bottoms or tops does not fit expose_hidden
              expected: 3 bottoms, 4 with a static input, and 2 tops
              got:      2 bottoms and 1 top
            """,
        ),
    }
