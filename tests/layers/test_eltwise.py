from __future__ import annotations

from functools import partial, reduce

import numpy as np
import pytest

from pycaffelite.testing import Case, ErrorCase, LayerContract, LayerRunner, layer_text

TWO, THREE = [(2, 3), (2, 3)], [(2, 3), (2, 3), (2, 3)]


def weighted(bottoms, params, coefficients):
    return sum(float(np.float32(c)) * x for c, x in zip(coefficients, bottoms, strict=True))


def multiplied(bottoms, params):
    return reduce(np.multiply, bottoms)


def largest(bottoms, params):
    return reduce(np.maximum, bottoms)


def param(text):
    return f"eltwise_param {{ {text} }}"


class TestEltwise(LayerContract):
    type_name = "Eltwise"
    cases = {
        "default": Case(bottoms=TWO, oracle=partial(weighted, coefficients=[1, 1])),
        "sum_of_three": Case(bottoms=THREE, phase="TEST", oracle=partial(weighted, coefficients=[1, 1, 1])),
        "coefficients": Case(
            param("operation: SUM coeff: 0.1 coeff: -2 coeff: 0"),
            THREE,
            oracle=partial(weighted, coefficients=[0.1, -2, 0]),
        ),
        "wanted": Case(
            bottoms=THREE,
            wanted=[False, True, False],
            in_place=False,
            oracle=partial(weighted, coefficients=[1, 1, 1]),
        ),
        "product": Case(param("operation: PROD"), TWO, oracle=multiplied),
        "product_of_three": Case(param("operation: PROD"), THREE, oracle=multiplied),
        "product_of_zeros": Case(
            param("operation: PROD"), [np.array([0.0, 0.0, 2.0]), np.array([0.0, 3.0, 4.0])], oracle=multiplied
        ),
        "product_by_quotient": Case(param("operation: PROD stable_prod_grad: false"), THREE, oracle=multiplied),
        "maximum": Case(param("operation: MAX"), TWO, oracle=largest),
        "maximum_of_three": Case(param("operation: MAX coeff: 1 coeff: 2 coeff: 3"), THREE, oracle=largest),
    }
    errors = {
        "shapes": ErrorCase(
            bottoms=[(2, 3), (2, 3), (3,)],
            message="""
            error: the bottoms differ in shape
              expected: shape 2x3, as bottom 0 has
              got:      bottom 2 of shape 3
            """,
        ),
        "product_with_coefficients": ErrorCase(
            param("operation: PROD coeff: 1 coeff: 1"),
            TWO,
            message="""
            error: a product takes no coefficients
              expected: `coeff` only with SUM
              got:      2 with PROD
            """,
        ),
        "coefficients": ErrorCase(
            param("coeff: 1"),
            TWO,
            message="""
            error: the number of coefficients does not fit
              expected: no `coeff` or 2, one for each bottom
              got:      1
            """,
        ),
        "one_bottom": ErrorCase(
            bottoms=[(2, 3)],
            message="""
            error: wrong number of bottoms
              expected: at least 2
              got:      1
            """,
        ),
    }


def test_who_gets_the_gradient_of_a_tie():
    bottoms = [np.array([1.0, 1.0, 0.0, 2.0]), np.array([1.0, 0.0, 1.0, 1.0]), np.array([1.0, 1.0, 1.0, 3.0])]
    runner = LayerRunner(layer_text("Eltwise", param("operation: MAX"), bottoms=3), bottoms, top_diffs=[np.ones(4)])
    runner.forward()
    diffs = runner.backward()
    assert [diff.tolist() for diff in diffs] == [[0, 1, 0, 0], [1, 0, 1, 0], [0, 0, 0, 1]]


@pytest.mark.parametrize("zero_in_both", [False, True])
def test_the_quotient_of_a_zero_is_nan(zero_in_both):
    text = layer_text("Eltwise", param("operation: PROD stable_prod_grad: false"), bottoms=2)
    runner = LayerRunner(text, [np.array([0.0]), np.array([0.0 if zero_in_both else 2.0])])
    runner.forward()
    assert [bool(np.isnan(diff[0])) for diff in runner.backward()] == [True, zero_in_both]
