from __future__ import annotations

from functools import partial

from pycaffelite.testing import Case, ErrorCase, LayerContract


def reshaped(bottoms, params, shape):
    return bottoms[0].reshape(shape)


class TestFlatten(LayerContract):
    type_name = "Flatten"
    cases = {
        "default": Case(bottoms=[(2, 3, 4, 5)], oracle=partial(reshaped, shape=(2, 60))),
        "two_axes": Case(bottoms=[(2, 3)], phase="TEST", oracle=partial(reshaped, shape=(2, 3))),
        "axis_0": Case("flatten_param { axis: 0 }", [(2, 3, 4)], oracle=partial(reshaped, shape=(24,))),
        "middle": Case(
            "flatten_param { axis: -3 end_axis: 2 }", [(2, 3, 4, 5)], oracle=partial(reshaped, shape=(2, 12, 5))
        ),
        "empty_range": Case(
            "flatten_param { axis: 2 end_axis: 1 }", [(2, 3, 4)], oracle=partial(reshaped, shape=(2, 3, 1, 4))
        ),
    }
    errors = {
        "order": ErrorCase(
            "flatten_param { axis: 2 end_axis: 0 }",
            [(2, 3, 4)],
            message="""
            error: `end_axis` stands before `axis`
              expected: end_axis from 2, for shape 2x3x4
              got:      end_axis 0
            """,
        ),
        "axis": ErrorCase(
            bottoms=[(6,)],
            message="""
            error: axis is out of range
              expected: axis from -1 to 0, for 1 axes
              got:      axis 1, bottom of shape 6
            """,
        ),
        "end_axis": ErrorCase(
            "flatten_param { end_axis: 3 }",
            [(2, 3, 4)],
            message="""
            error: end_axis is out of range
              expected: end_axis from -3 to 2, for 3 axes
              got:      end_axis 3, bottom of shape 2x3x4
            """,
        ),
    }
