from __future__ import annotations

import numpy as np

from pycaffelite.testing import Case, ErrorCase, LayerContract, LayerRunner, layer_text


def oracle(bottoms, params):
    return 1 - 2 / (np.exp(2 * bottoms[0]) + 1)


class TestTanH(LayerContract):
    type_name = "TanH"
    cases = {
        "four_axes": Case(oracle=oracle),
        "one_axis": Case("tanh_param { engine: CAFFE }", [(5,)], phase="TEST", oracle=oracle),
        "far_out": Case(bottoms=[np.linspace(-60, 60, 8)], oracle=oracle),
    }
    errors = {
        "no_bottom": ErrorCase(
            bottoms=[],
            message="""
            error: wrong number of bottoms
              expected: 1
              got:      0
            """,
        ),
    }


def test_the_gradient_survives_a_layer_that_overwrites_the_top():
    runner = LayerRunner(layer_text("TanH", in_place=True), [np.zeros(2)], top_diffs=[np.ones(2)])
    runner.forward()
    runner.top[0].data[...] = 9
    assert runner.backward()[0].tolist() == [1.0, 1.0]
