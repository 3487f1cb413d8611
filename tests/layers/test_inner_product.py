from __future__ import annotations

import math

import pytest

from pycaffelite.errors import ShapeError
from pycaffelite.testing import Case, ErrorCase, LayerContract, LayerRunner


def multiply(bottoms, params, axis=1, transpose=False):
    x = bottoms[0]
    matrix = x.reshape(math.prod(x.shape[:axis]), -1) @ (params[0] if transpose else params[0].T)
    return (matrix + (params[1] if len(params) > 1 else 0)).reshape(*x.shape[:axis], -1)


class TestInnerProduct(LayerContract):
    type_name = "InnerProduct"
    cases = {
        "default": Case("inner_product_param { num_output: 5 }", oracle=multiply),
        "transpose": Case(
            "inner_product_param { num_output: 3 transpose: true }",
            [(4, 6)],
            oracle=lambda bottoms, params: multiply(bottoms, params, transpose=True),
        ),
        "all_axes": Case(
            "inner_product_param { num_output: 3 axis: 0 }",
            [(4, 2)],
            oracle=lambda bottoms, params: multiply(bottoms, params, axis=0),
        ),
        "last_axis": Case(
            "inner_product_param { num_output: 3 axis: -1 bias_term: false }",
            [(2, 3, 5)],
            oracle=lambda bottoms, params: multiply(bottoms, params, axis=2),
        ),
    }
    errors = {
        "no_output": ErrorCase(
            "inner_product_param { }",
            message="""
            error: num_output is missing
              expected: num_output from 1 to 2147483647
              got:      none

            hint: write `inner_product_param { num_output: 20 }`
            """,
        ),
        "axis": ErrorCase(
            "inner_product_param { num_output: 3 axis: 4 }",
            message="""
            error: axis is out of range
              expected: axis from -4 to 3, for 4 axes
              got:      axis 4, bottom of shape 2x3x4x5
            """,
        ),
    }


def test_weights_beyond_counting_are_refused_before_memory_is_taken():
    text = (
        'layer { name: "a" type: "InnerProduct" bottom: "b" top: "t" inner_product_param { num_output: 2147483647 } }'
    )
    with pytest.raises(ShapeError, match="too many weights"):
        LayerRunner(text, [(2, 3)])
