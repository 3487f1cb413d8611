from __future__ import annotations

import numpy as np

from pycaffelite.testing import Case, ErrorCase, LayerContract


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def unit(bottoms, params):
    c, x, cont = bottoms
    i, f, o, g = np.split(x, 4, axis=2)
    after = cont[..., None] * sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return [after, sigmoid(o) * np.tanh(after)]


class TestLSTMUnit(LayerContract):
    type_name = "LSTMUnit"
    cases = {
        "default": Case(bottoms=[(1, 4, 3), (1, 4, 12), np.array([[1.0, 0, 1, 0]])], oracle=unit),
        "gates_only": Case(bottoms=[(1, 2, 5), (1, 2, 20), np.ones((1, 2))], wanted=[False, True, False], oracle=unit),
        "fractions": Case(bottoms=[(1, 2, 3), (1, 2, 12), np.array([[0.5, 2]])], oracle=unit, gradients=False),
    }
    errors = {
        "gates": ErrorCase(
            bottoms=[(1, 4, 3), (1, 4, 9), (1, 4)],
            message="""
            error: the bottoms do not fit each other
              expected: 1 x N x D, 1 x N x 4 D and 1 x N
              got:      1x4x3, 1x4x9, 1x4
            """,
        ),
    }
