from __future__ import annotations

import numpy as np

from pycaffelite.testing import Case, ErrorCase, LayerContract, LayerRunner, layer_text


def oracle(bottoms, params):
    return np.sqrt(bottoms[0] ** 2)


class TestAbsVal(LayerContract):
    type_name = "AbsVal"
    cases = {"four_axes": Case(oracle=oracle), "number": Case(bottoms=[()], oracle=oracle)}
    errors = {
        "in_place": ErrorCase(
            'layer { name: "a" type: "AbsVal" bottom: "b" top: "b" }',
            message="""
            error: this layer cannot run in place

            hint: give its top a name of its own
            """,
        ),
    }


def test_at_zero_the_gradient_is_zero():
    runner = LayerRunner(layer_text("AbsVal"), [np.array([0.0, -0.0, 3.0])], top_diffs=[np.ones(3)])
    runner.forward()
    assert runner.backward()[0].tolist() == [0, 0, 1]
