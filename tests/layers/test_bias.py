from __future__ import annotations

from functools import partial

import numpy as np

from pycaffelite.testing import Case, ErrorCase, LayerContract, LayerRunner, layer_text


def shifted(bottoms, params, axis=1):
    x, b = bottoms[0], (bottoms[1] if len(bottoms) == 2 else params[0])
    return x + b.reshape(b.shape + (1,) * (x.ndim - axis - b.ndim))


class TestBias(LayerContract):
    type_name = "Bias"
    cases = {
        "default": Case(oracle=shifted),
        "two_axes": Case("bias_param { axis: 2 num_axes: 2 }", oracle=partial(shifted, axis=2)),
        "from_the_back": Case("bias_param { axis: -2 }", oracle=partial(shifted, axis=2)),
        "all_that_follow": Case("bias_param { num_axes: -1 }", oracle=shifted),
        "one_number": Case("bias_param { num_axes: 0 }", oracle=partial(shifted, axis=0)),
        "two_bottoms": Case(bottoms=[(2, 3, 4), (3, 4)], oracle=shifted),
        "two_bottoms_number": Case(bottoms=[(2, 3), ()], oracle=partial(shifted, axis=0)),
    }
    errors = {
        "too_far": ErrorCase(
            "bias_param { axis: 2 num_axes: 3 }",
            message="""
            error: num_axes reaches past the last axis
              expected: num_axes of at most 2, from axis 2 on
              got:      num_axes 3, bottom of shape 2x3x4x5
            """,
        ),
        "misfit": ErrorCase(
            bottoms=[(2, 3), (4,)],
            message="""
            error: the second bottom does not fit the first
              expected: the lengths of axes of 2x3, from axis 1 on
              got:      second bottom of shape 4
            """,
        ),
    }


def test_a_filler_can_be_stated():
    runner = LayerRunner(layer_text("Bias", "bias_param { filler { value: 3 } }"), [(2, 3)])
    assert runner.layer.layout([(2, 3)]).params[0].filler.value == 3


def test_it_can_be_folded_into_the_layer_before():
    runner = LayerRunner(layer_text("Bias"), [(2, 2)], params=[np.array([3.0, 4.0])])
    scale, shift = np.array([2.0, 2.0]), np.array([1.0, 1.0])
    runner.layer.epilogue().fold(scale, shift)
    assert (scale.tolist(), shift.tolist()) == ([2, 2], [4, 5])
