from __future__ import annotations

import numpy as np

from pycaffelite.testing import Case, ErrorCase, LayerContract, LayerRunner, close, layer_text


class TestGradientScaler(LayerContract):
    type_name = "GradientScaler"
    # What it sends back is no gradient of what it does: see below.
    cases = {
        "default": Case(oracle=lambda bottoms, params: bottoms[0], gradients=False),
        "test": Case(bottoms=[(5,)], phase="TEST", oracle=lambda bottoms, params: bottoms[0], gradients=False),
    }
    errors = {
        "bounds": ErrorCase(
            "gradient_scaler_param { lower_bound: 2 }",
            message="""
            error: lower_bound is above upper_bound
              expected: at most 1
              got:      2
            """,
        ),
        "alpha": ErrorCase(
            "gradient_scaler_param { alpha: -1 }",
            message="""
            error: alpha is out of range
              expected: at least 0
              got:      -1
            """,
        ),
        "max_iter": ErrorCase(
            "gradient_scaler_param { max_iter: 0 }",
            message="""
            error: max_iter is out of range
              expected: at least 1
              got:      0
            """,
        ),
    }


def test_gradients_come_back_reversed_and_grow():
    fields = "gradient_scaler_param { lower_bound: 0.5 upper_bound: 2.5 alpha: 4 max_iter: 2 }"
    for in_place in (False, True):
        runner = LayerRunner(layer_text("GradientScaler", fields, in_place=in_place), [(2, 3)])
        for progress in (0, 0.5, 1, 1):
            runner.forward()
            factor = 0.5 + 2 * np.tanh(4 * progress / 2)
            close(runner.backward()[0], -factor * runner.top_diffs[0], 1e-13, "dx")
    runner.wanted = [False]
    runner.bottom[0].diff[...] = 7
    runner.layer.backward(runner.top, [False], runner.bottom)
    assert (runner.bottom[0].diff == 7).all()


def test_a_resumed_layer_goes_on():
    runner = LayerRunner(layer_text("GradientScaler", "gradient_scaler_param { max_iter: 9 }"), [(2, 3)])
    runner.forward()
    runner.forward()
    other = LayerRunner(layer_text("GradientScaler", "gradient_scaler_param { max_iter: 9 }"), [(2, 3)])
    other.layer.restore(runner.layer.state())
    runner.forward()
    other.forward()
    np.testing.assert_array_equal(runner.backward()[0], other.backward()[0])
