from __future__ import annotations

from functools import partial

import numpy as np

from pycaffelite.testing import Case, ErrorCase, LayerContract


def cut(bottoms, params, axis, points):
    return np.split(bottoms[0], points, axis=axis)


class TestSlice(LayerContract):
    type_name = "Slice"
    cases = {
        "default": Case(bottoms=[(2, 6, 3)], tops=3, oracle=partial(cut, axis=1, points=3)),
        "points": Case(
            "slice_param { slice_point: 1 slice_point: 4 }",
            [(2, 6, 3)],
            tops=3,
            oracle=partial(cut, axis=1, points=[1, 4]),
        ),
        "axis_0": Case("slice_param { axis: 0 }", [(4, 3)], tops=2, oracle=partial(cut, axis=0, points=2)),
        "negative_axis": Case(
            "slice_param { axis: -1 slice_point: 2 }", [(2, 3, 5)], tops=2, oracle=partial(cut, axis=-1, points=[2])
        ),
        "slice_dim": Case("slice_param { slice_dim: 2 }", [(2, 3, 4)], tops=2, oracle=partial(cut, axis=2, points=2)),
        "one_top": Case(bottoms=[(2, 3)], phase="TEST", oracle=partial(cut, axis=1, points=1)),
    }
    errors = {
        "number_of_points": ErrorCase(
            "slice_param { slice_point: 3 }",
            [(2, 6)],
            tops=3,
            message="""
            error: the number of slice points does not fit
              expected: 2 for 3 tops, or none for equal parts
              got:      1
            """,
        ),
        "order": ErrorCase(
            "slice_param { slice_point: 3 slice_point: 3 }",
            [(2, 6)],
            tops=3,
            message="""
            error: the slice points do not increase
              expected: each point above the one before it, the first above 0
              got:      3, 3
            """,
        ),
        "outside": ErrorCase(
            "slice_param { slice_point: 6 }",
            [(2, 6)],
            tops=2,
            message="""
            error: a slice point lies outside the bottom
              expected: points from 1 to 5, for axis 1 of shape 2x6
              got:      slice_point 6
            """,
        ),
        "unequal": ErrorCase(
            bottoms=[(2, 5)],
            tops=2,
            message="""
            error: the bottom has no equal parts
              expected: axis 1 a multiple of 2, the number of tops
              got:      5, in shape 2x5

            hint: say where to cut with `slice_point`
            """,
        ),
        "both_fields": ErrorCase(
            "slice_param { axis: 1 slice_dim: 1 }",
            [(2, 6)],
            tops=2,
            message="""
            error: `axis` and `slice_dim` are both given
              expected: one of them
              got:      axis 1, slice_dim 1

            hint: leave out `slice_dim`, the older name
            """,
        ),
        "axis": ErrorCase(
            "slice_param { axis: -3 }",
            [(2, 6)],
            tops=2,
            message="""
            error: axis is out of range
              expected: axis from -2 to 1, for 2 axes
              got:      axis -3, bottom of shape 2x6
            """,
        ),
    }
