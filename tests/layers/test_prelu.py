from __future__ import annotations

import numpy as np

from pycaffelite.testing import Case, ErrorCase, LayerContract, LayerRunner, layer_text


def oracle(bottoms, params):
    x, slope = bottoms[0], params[0]
    slope = slope.reshape(-1, *[1] * (x.ndim - 2)) if slope.ndim else slope
    return np.maximum(x, 0) + slope * np.minimum(x, 0)


class TestPReLU(LayerContract):
    type_name = "PReLU"
    cases = {
        "four_axes": Case(oracle=oracle),
        "two_axes": Case(bottoms=[(3, 4)], oracle=oracle),
        "five_axes": Case(bottoms=[(2, 3, 1, 2, 2)], oracle=oracle),
        "shared": Case("prelu_param { channel_shared: true }", oracle=oracle),
    }
    errors = {
        "vector": ErrorCase(
            bottoms=[(3,)],
            message="""
            error: the bottom has no channels
              expected: at least two axes
              got:      3
            """,
        ),
    }


def test_slopes_start_at_a_quarter_unless_stated():
    for fields, value in (("", 0.25), ("prelu_param { filler { value: 2 } }", 2)):
        layout = LayerRunner(layer_text("PReLU", fields), [(2, 3)]).layer.layout([(2, 3)])
        assert layout.params[0].filler.value == value


def test_the_gradient_in_place_is_that_of_the_input_that_was():
    runner = LayerRunner(layer_text("PReLU", in_place=True), [np.full((1, 1), -3.0)], params=[np.array([-1.0])])
    runner.forward()
    runner.top[0].data[...] = 99
    assert runner.backward([np.ones((1, 1))])[0].item() == -1
    assert runner.layer.params[0].diff.item() == -3
