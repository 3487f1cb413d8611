from __future__ import annotations

from functools import partial

import numpy as np

from pycaffelite.testing import Case, ErrorCase, LayerContract, LayerRunner, layer_text


def scaled(bottoms, params, axis=1, bias=False):
    *others, x = [*params, *bottoms[:0:-1], bottoms[0]]
    if len(bottoms) == 2:
        others = [bottoms[1], *params]
    behind = (1,) * (x.ndim - axis - others[0].ndim)
    y = x * others[0].reshape(others[0].shape + behind)
    return y + others[1].reshape(others[1].shape + behind) if bias else y


class TestScale(LayerContract):
    type_name = "Scale"
    cases = {
        "default": Case(oracle=scaled),
        "bias": Case("scale_param { bias_term: true }", oracle=partial(scaled, bias=True)),
        "two_axes": Case("scale_param { axis: 2 num_axes: 2 }", oracle=partial(scaled, axis=2)),
        "from_the_back": Case("scale_param { axis: -2 bias_term: true }", oracle=partial(scaled, axis=2, bias=True)),
        "all_that_follow": Case("scale_param { num_axes: -1 bias_term: true }", oracle=partial(scaled, bias=True)),
        "one_number": Case("scale_param { num_axes: 0 bias_term: true }", oracle=partial(scaled, axis=0, bias=True)),
        "matrix": Case("scale_param { bias_term: true }", [(6, 4)], oracle=partial(scaled, bias=True)),
        "two_bottoms": Case(bottoms=[(2, 3, 4), (3, 4)], oracle=scaled),
        "two_bottoms_bias": Case("scale_param { axis: 0 bias_term: true }", [(2, 3), (2,)]),
        "two_bottoms_number": Case(bottoms=[(2, 3), ()], oracle=partial(scaled, axis=0)),
        "test": Case(phase="TEST", oracle=scaled),
    }
    errors = {
        "too_far": ErrorCase(
            "scale_param { axis: 2 num_axes: 3 }",
            message="""
            error: num_axes reaches past the last axis
              expected: num_axes of at most 2, from axis 2 on
              got:      num_axes 3, bottom of shape 2x3x4x5
            """,
        ),
        "no_axis": ErrorCase(
            "scale_param { axis: -5 }",
            message="""
            error: axis is out of range
              expected: axis from -4 to 3, for 4 axes
              got:      axis -5, bottom of shape 2x3x4x5
            """,
        ),
        "num_axes": ErrorCase(
            "scale_param { num_axes: -2 }",
            message="""
            error: num_axes is out of range
              expected: -1 or more
              got:      -2
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
        "too_long": ErrorCase(
            bottoms=[(2, 3), (3, 1)],
            message="""
            error: the second bottom does not fit the first
              expected: the lengths of axes of 2x3, from axis 1 on
              got:      second bottom of shape 3x1
            """,
        ),
    }


def fillers(fields, bottoms):
    runner = LayerRunner(layer_text("Scale", fields, bottoms=len(bottoms)), bottoms)
    params = runner.layer.layout(bottoms).params
    return [param.filler and (param.filler.type, param.filler.value) for param in params]


def test_factors_start_at_one_and_shifts_at_zero():
    assert fillers("scale_param { bias_term: true }", [(2, 3)]) == [("constant", 1.0), None]


def test_fillers_can_be_stated():
    stated = "scale_param { bias_term: true filler { value: 2 } bias_filler { value: 3 } }"
    assert fillers(stated, [(2, 3)]) == [("constant", 2.0), ("constant", 3.0)]
    assert fillers(stated, [(2, 3), (3,)]) == [("constant", 3.0)]


def test_the_gradient_in_place_is_that_of_the_input_that_was():
    runner = LayerRunner(layer_text("Scale", in_place=True), [np.full((2, 1), 3.0)], params=[np.array([10.0])])
    runner.forward()
    runner.top[0].data[...] = 99
    runner.backward([np.ones((2, 1))])
    assert runner.layer.params[0].diff.tolist() == [6.0]
