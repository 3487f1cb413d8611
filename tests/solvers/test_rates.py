import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pycaffelite.errors import FieldError
from pycaffelite.schema.reader import parse_solver
from pycaffelite.solvers.rates import POLICIES, check_policy, learning_rate, next_step

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "lr_policies.json").read_text())["policies"]


def rates(parameter, iterations, dtype=np.float32):
    """Return the rates of the given iterations, asked for one after the other from 0."""
    step, found = 0, {}
    for iteration in range(max(iterations) + 1):
        step = next_step(parameter, iteration, step)
        found[iteration] = learning_rate(parameter, iteration, step, dtype)
    return [found[iteration] for iteration in iterations]


@pytest.mark.parametrize("case", GOLDEN, ids=lambda case: case["name"])
@pytest.mark.parametrize(("field", "dtype"), [("lr", np.float64), ("lr_float32", np.float32)])
def test_golden_to_the_last_bit(case, field, dtype):
    parameter = parse_solver(case["solver"]).solver
    check_policy(parameter)
    assert rates(parameter, case["iterations"], dtype) == case[field]


def test_exp_is_in_the_golden_form_of_step():
    exp = parse_solver('base_lr: 0.5 lr_policy: "exp" gamma: 0.25').solver
    step = parse_solver('base_lr: 0.5 lr_policy: "step" gamma: 0.25 stepsize: 1').solver
    assert rates(exp, [0, 1, 2, 3]) == rates(step, [0, 1, 2, 3]) == [0.5, 0.125, 0.03125, 0.0078125]


def test_equal_step_values_take_two_iterations():
    parameter = parse_solver('base_lr: 1 lr_policy: "multistep" gamma: 0.5 stepvalue: 2 stepvalue: 2').solver
    assert rates(parameter, [0, 1, 2, 3, 4]) == [1, 1, 0.5, 0.25, 0.25]


def test_a_restored_step_count_goes_on():
    parameter = parse_solver('base_lr: 1 lr_policy: "multistep" gamma: 0.5 stepvalue: 2 stepvalue: 9').solver
    assert next_step(parameter, 100, 0) == 1  # a state without the count catches up one step an iteration
    assert next_step(parameter, 101, 1) == 2
    assert next_step(parameter, 102, 2) == 2


def test_poly_beyond_max_iter_is_zero():
    parameter = parse_solver('base_lr: 1 lr_policy: "poly" power: 0.5 max_iter: 10').solver
    assert rates(parameter, [10, 11, 12]) == [0, 0, 0]


def test_sigmoid_with_an_overflowing_exponent_is_zero():
    parameter = parse_solver('base_lr: 1 lr_policy: "sigmoid" gamma: -100 stepsize: 1').solver
    assert rates(parameter, [100]) == [0]


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(POLICIES)), st.integers(0, 10**6), st.sampled_from([np.float32, np.float64]))
def test_every_rate_is_finite_and_fits_its_type(policy, iteration, dtype):
    fields = "gamma: 0.999 power: 0.75 stepsize: 1000 stepvalue: 5 max_iter: 500000"
    parameter = parse_solver(f'base_lr: 0.1 lr_policy: "{policy}" {fields}').solver
    rate = learning_rate(parameter, iteration, next_step(parameter, iteration, 0), dtype)
    assert 0 <= rate <= dtype(parameter.base_lr)
    assert dtype(rate) == rate


def test_unknown_policy():
    file = parse_solver('base_lr: 1\nlr_policy: "multi_step"', "s.prototxt")
    with pytest.raises(FieldError) as error:
        check_policy(file.solver, file.source.where)
    assert str(error.value) == (
        "error: s.prototxt:2:1: unknown learning-rate policy\n"
        '  expected: lr_policy: one of "fixed", "step", "exp", "inv", "multistep", "poly", "sigmoid"\n'
        '  got:      lr_policy: "multi_step"\n'
        "\n"
        "hint: did you mean `multistep`?"
    )


def test_no_policy():
    with pytest.raises(FieldError, match="no learning-rate policy") as error:
        check_policy(parse_solver("base_lr: 1").solver)
    assert error.value.got == "no lr_policy"


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ('lr_policy: "step" gamma: 0.1', "stepsize"),
        ('lr_policy: "step" stepsize: 5', "gamma"),
        ('lr_policy: "exp"', "gamma"),
        ('lr_policy: "multistep" stepvalue: 5', "gamma"),
        ('lr_policy: "poly" power: 1', "max_iter"),
        ('lr_policy: "sigmoid" gamma: 1', "stepsize"),
    ],
)
def test_a_missing_field_is_named(text, missing):
    with pytest.raises(FieldError) as error:
        check_policy(parse_solver(text).solver)
    assert error.value.got == f"no {missing}"


@pytest.mark.parametrize("policy", ["step", "sigmoid"])
def test_stepsize_must_be_positive(policy):
    with pytest.raises(FieldError, match="stepsize must be positive"):
        check_policy(parse_solver(f'lr_policy: "{policy}" gamma: 0.1 stepsize: 0').solver)


@pytest.mark.parametrize("policy", ["step", "exp", "inv", "multistep", "sigmoid"])
def test_gamma_must_not_be_negative(policy):
    with pytest.raises(FieldError, match="gamma is negative"):
        check_policy(parse_solver(f'lr_policy: "{policy}" gamma: -0.1 stepsize: 5').solver)


@pytest.mark.parametrize(
    ("fields", "rate"),
    [
        ('lr_policy: "inv" gamma: 1', 0.5),
        ('lr_policy: "inv"', 0.5),
        ('lr_policy: "poly" max_iter: 9', 0.5),
        ('lr_policy: "multistep" gamma: 0.1', 0.5),
        ('lr_policy: "sigmoid" stepsize: 3', 0.25),
        ('lr_policy: "fixed" gamma: -1', 0.5),
    ],
)
def test_fields_that_are_left_out_are_zero_as_in_the_reference(fields, rate):
    parameter = parse_solver("base_lr: 0.5 " + fields).solver
    check_policy(parameter)
    assert [learning_rate(parameter, iteration, next_step(parameter, iteration, 0)) for iteration in (0, 7)] == [
        rate
    ] * 2
