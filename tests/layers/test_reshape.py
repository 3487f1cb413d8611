from __future__ import annotations

from functools import partial

from pycaffelite.testing import Case, ErrorCase, LayerContract


def reshaped(bottoms, params, shape):
    return bottoms[0].reshape(shape)


def param(dims, rest=""):
    return "reshape_param { shape { " + " ".join(f"dim: {dim}" for dim in dims) + f" }} {rest} }}"


class TestReshape(LayerContract):
    type_name = "Reshape"
    cases = {
        "default": Case(param([4, 6]), [(2, 3, 4)], oracle=partial(reshaped, shape=(4, 6))),
        "copy_and_infer": Case(param([0, -1, 2]), [(2, 3, 4)], phase="TEST", oracle=partial(reshaped, shape=(2, 6, 2))),
        "scalar": Case(param([]), [(1, 1)], oracle=partial(reshaped, shape=())),
        "from_scalar": Case(param([1, 1]), [()], oracle=partial(reshaped, shape=(1, 1))),
        "axis": Case(param([2, 2, 3], "axis: 1"), [(2, 3, 4)], oracle=partial(reshaped, shape=(2, 2, 2, 3))),
        "negative_axis": Case(param([2, 2], "axis: -2"), [(2, 3, 4)], oracle=partial(reshaped, shape=(2, 3, 2, 2))),
        "middle": Case(param([-1], "axis: 1 num_axes: 2"), [(2, 3, 4, 5)], oracle=partial(reshaped, shape=(2, 12, 5))),
        "append": Case(param([1, 1], "axis: -1 num_axes: 0"), [(2, 8)], oracle=partial(reshaped, shape=(2, 8, 1, 1))),
        "copy_within": Case(param([0, 2, 2], "axis: 1"), [(2, 3, 4)], oracle=partial(reshaped, shape=(2, 3, 2, 2))),
    }
    errors = {
        "count": ErrorCase(
            param([5, 5]),
            [(2, 3, 4)],
            message="""
            error: the number of elements does not fit the new shape
              expected: 25 elements, for the new shape 5x5
              got:      24, in bottom of shape 2x3x4
            """,
        ),
        "infer": ErrorCase(
            param([5, -1]),
            [(2, 3, 4)],
            message="""
            error: the number of elements does not fit the new shape
              expected: a multiple of 5 elements
              got:      24, in bottom of shape 2x3x4
            """,
        ),
        "two_inferred": ErrorCase(
            param([-1, -1]),
            [(2, 3, 4)],
            message="""
            error: the new shape is not clear
              expected: dims of at least 0, and at most one -1
              got:      dim -1, dim -1
            """,
        ),
        "negative": ErrorCase(
            param([2, -3]),
            [(2, 3)],
            message="""
            error: the new shape is not clear
              expected: dims of at least 0, and at most one -1
              got:      dim 2, dim -3
            """,
        ),
        "copy": ErrorCase(
            param([2, 3, 0]),
            [(2, 3)],
            message="""
            error: a `dim: 0` has no axis to copy
              expected: an axis 2 in the bottom
              got:      bottom of shape 2x3
            """,
        ),
        "range": ErrorCase(
            param([3], "axis: 1 num_axes: 2"),
            [(2, 3)],
            message="""
            error: the axes to replace leave the bottom
              expected: a range of the 2 axes of shape 2x3
              got:      axis 1, num_axes 2
            """,
        ),
        "axis": ErrorCase(
            param([1], "axis: -4"),
            [(2, 3)],
            message="""
            error: the axes to replace leave the bottom
              expected: a range of the 2 axes of shape 2x3
              got:      axis -4, num_axes -1
            """,
        ),
        "num_axes": ErrorCase(
            param([1], "num_axes: -2"),
            [(2, 3)],
            message="""
            error: `num_axes` is negative
              expected: -1 for all, or more
              got:      num_axes -2
            """,
        ),
    }
