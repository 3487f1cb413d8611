from __future__ import annotations

import numpy as np

from pycaffelite.testing import Case, ErrorCase, LayerContract, LayerRunner, layer_text

TWO = "input_param { shape { dim: 2 dim: 3 } shape { dim: 4 } }"


class TestInput(LayerContract):
    type_name = "Input"
    cases = {
        "one_shape": Case(
            "input_param { shape { dim: 2 dim: 3 } }",
            [],
            tops=2,
            oracle=lambda bottoms, params: [np.zeros((2, 3))] * 2,
            gradients=False,
        ),
        "shapes": Case(
            TWO, [], tops=2, oracle=lambda bottoms, params: [np.zeros((2, 3)), np.zeros(4)], gradients=False
        ),
        "scalar": Case(
            "input_param { shape { } }", [], phase="TEST", oracle=lambda bottoms, params: np.zeros(()), gradients=False
        ),
    }
    errors = {
        "number": ErrorCase(
            TWO,
            [],
            tops=3,
            message="""
            error: the number of `shape` does not fit the tops
              expected: 1 or 3, for 3 tops
              got:      2
            """,
        ),
        "dimension": ErrorCase(
            "input_param { shape { dim: 2 dim: -1 } }",
            [],
            message="""
            error: a dimension is not positive
              expected: dimensions of at least 1
              got:      -1, in 2x-1
            """,
        ),
        "no_shape": ErrorCase(
            "",
            [],
            message="""
            error: an input has no shape
              expected: `input_param { shape { dim: ... } }`
              got:      no shape
            """,
        ),
    }


def test_contents_are_left_alone():
    runner = LayerRunner(layer_text("Input", TWO, bottoms=0, tops=2))
    runner.top[0].data[...] = 5
    assert (runner.forward()[0] == 5).all()
