from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from pycaffelite.testing import Case, ErrorCase, LayerContract, LayerRunner, layer_text


def rectify(bottoms, params, slope=0.0):
    x = bottoms[0]
    return np.maximum(x, 0) + float(np.float32(slope)) * np.minimum(x, 0)


class TestReLU(LayerContract):
    type_name = "ReLU"
    cases = {
        "default": Case(oracle=rectify, skip_kinks=True),
        "slope": Case("relu_param { negative_slope: 0.1 }", [(3, 7)], oracle=partial(rectify, slope=0.1)),
        "negative_slope": Case(
            "relu_param { negative_slope: -0.25 }", [(5,)], oracle=partial(rectify, slope=-0.25), in_place=False
        ),
        "test_phase": Case(bottoms=[(2, 3)], phase="TEST", oracle=rectify),
        "one_number": Case(bottoms=[()], oracle=rectify),
    }
    errors = {
        "two_bottoms": ErrorCase(
            bottoms=[(2, 3), (2, 3)],
            message="""
            error: wrong number of bottoms
              expected: 1
              got:      2
            """,
        ),
    }


@pytest.mark.parametrize("slope", [0.0, 0.5, -0.5])
def test_the_gradient_at_zero_is_the_slope(slope):
    text = layer_text("ReLU", f"relu_param {{ negative_slope: {slope} }}")
    runner = LayerRunner(text, [np.array([-1.0, 0.0, 2.0])], top_diffs=[np.ones(3)])
    runner.forward()
    assert runner.backward()[0].tolist() == [slope, slope, 1.0]


def test_nan_is_not_hidden():
    runner = LayerRunner(layer_text("ReLU"), [np.array([np.nan, -1.0, 1.0])])
    assert np.isnan(runner.forward()[0]).tolist() == [True, False, False]


def test_the_gradient_survives_a_layer_that_overwrites_the_top():
    runner = LayerRunner(layer_text("ReLU", in_place=True), [np.array([-1.0, 1.0])], top_diffs=[np.ones(2)])
    runner.forward()
    runner.top[0].data[...] = -5
    assert runner.backward()[0].tolist() == [0.0, 1.0]


def test_in_place_a_negative_slope_is_judged_by_what_it_wrote_as_in_the_reference():
    text = layer_text("ReLU", "relu_param { negative_slope: -0.5 }", in_place=True)
    runner = LayerRunner(text, [np.array([-1.0, 0.0, 2.0])], top_diffs=[np.array([3.0, 3.0, 3.0])])
    assert runner.forward()[0].tolist() == [0.5, 0.0, 2.0]
    assert runner.backward()[0].tolist() == [3.0, -1.5, 3.0]
