import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pycaffelite.errors import FieldError
from pycaffelite.schema.reader import parse_solver
from pycaffelite.solvers.rates import POLICIES, check_policy, first_iteration, learning_rate, next_step

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


@pytest.mark.parametrize(
    ("fields", "iteration", "rate"),
    [
        ('base_lr: 1 lr_policy: "exp" gamma: 2', 2000, np.inf),
        ('base_lr: 0 lr_policy: "exp" gamma: 2', 2000, np.nan),
        ('base_lr: 1 lr_policy: "step" stepsize: 1 gamma: 1e30', 20, np.inf),
        ('base_lr: 1 lr_policy: "inv" gamma: 1e30 power: -12', 1000, np.inf),
        ('base_lr: 1 lr_policy: "poly" power: -0.5 max_iter: 9', 9, np.inf),
        ('base_lr: 1 lr_policy: "poly" power: 1 max_iter: 0', 1, 0),
    ],
)
def test_what_overflows_is_infinite_as_in_the_reference(fields, iteration, rate):
    parameter = parse_solver(fields).solver
    step = next_step(parameter, iteration, 0)
    np.testing.assert_equal(learning_rate(parameter, iteration, step), rate)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(POLICIES)), st.integers(0, 10**6), st.sampled_from([np.float32, np.float64]))
def test_every_rate_is_finite_and_fits_its_type(policy, iteration, dtype):
    fields = "gamma: 0.999 power: 0.75 stepsize: 1000 stepvalue: 5 max_iter: 500000 epoch_size: 1001 "
    fields += "stagelr: 0.1 stageiter: 5 stagelr: 0.05 stageiter: 9"
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
        '  expected: lr_policy: one of "fixed", "step", "exp", "inv", "multistep", "poly", "sigmoid", '
        '"cosine", "plateau", "multifixed", "linear"\n'
        '  got:      lr_policy: "multi_step"\n'
        "\n"
        "hint: did you mean `multistep` or `multifixed`?"
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
        ('lr_policy: "cosine"', "max_iter"),
        ('lr_policy: "plateau" gamma: 0.1', "plateau_winsize"),
        ('lr_policy: "multifixed" stageiter: 4', "stagelr"),
        ('lr_policy: "linear"', "epoch_size"),
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


def test_epoch_size_must_be_positive():
    with pytest.raises(FieldError, match="epoch_size must be positive"):
        check_policy(parse_solver('lr_policy: "linear" epoch_size: 0').solver)


def test_cosine():
    parameter = parse_solver('base_lr: 0.5 lr_policy: "cosine" max_iter: 100 min_lr: 0.1').solver
    turns = np.arange(0, 101, 10)
    expected = np.float32(0.1) + (0.5 - np.float32(0.1)) * (1 + np.cos(np.pi * turns / 100)) / 2
    np.testing.assert_allclose(rates(parameter, list(turns)), expected, rtol=1e-6)
    assert rates(parameter, [100, 150]) == [np.float32(0.1)] * 2


def test_min_lr_is_a_floor_for_every_policy():
    parameter = parse_solver('base_lr: 1 lr_policy: "step" gamma: 0.1 stepsize: 1 min_lr: 0.05').solver
    assert rates(parameter, [0, 2, 9]) == [1, np.float32(0.05), np.float32(0.05)]
    poly = parse_solver('base_lr: 1 lr_policy: "poly" power: 1 max_iter: 4 min_lr: 0.5').solver
    assert rates(poly, [0, 2, 4]) == [1, 0.75, 0.5]


def test_warm_up_rises_evenly_whatever_the_policy():
    fields = "base_lr: 1 gamma: 0.5 stepsize: 4 warmup_iter: 4 warmup_start_lr: 0.2"
    for policy, then in [("fixed", 1.0), ("step", 0.5)]:
        parameter = parse_solver(f'lr_policy: "{policy}" {fields}').solver
        check_policy(parameter)
        assert rates(parameter, [0, 1, 2, 3, 4]) == pytest.approx([0.2, 0.4, 0.6, 0.8, then], rel=1e-6)


def test_ramp_up_rises_with_the_square():
    parameter = parse_solver('lr_policy: "fixed" base_lr: 1 rampup_interval: 4 rampup_lr: 0.5').solver
    check_policy(parameter)
    assert rates(parameter, [0, 1, 2, 3, 4, 5]) == [0.5, 0.53125, 0.625, 0.78125, 1, 1]


def test_multifixed_holds_each_rate_up_to_its_iteration():
    text = 'lr_policy: "multifixed" stagelr: 0.5 stageiter: 2 stagelr: 0.25 stageiter: 4'
    assert rates(parse_solver(text).solver, [0, 2, 3, 4, 5, 99]) == [0.5, 0.5, 0.25, 0.25, 0.25, 0.25]
    with pytest.raises(FieldError, match="stagelr and stageiter do not match"):
        check_policy(parse_solver(text + " stagelr: 1").solver)


def test_linear_reaches_zero_at_the_square_of_the_epoch():
    parameter = parse_solver('base_lr: 1 lr_policy: "linear" epoch_size: 10').solver
    assert rates(parameter, [1, 9, 10, 55, 99, 100]) == pytest.approx([1, 1, 0.9, 0.5, 0.1, 0], abs=1e-7)
    assert rates(parameter, [110])[0] == pytest.approx(-0.1)  # as in the fork


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("base_lr: 1", 0),
        ('info { type: "weight" interval: 1 }', 1),
        ("epoch_size: 50", 1),
        ("localgamma: 0.1", 1),
        ("localgamma: 0.1 first_iteration: 0", 0),
        ("first_iteration: 1", 1),
    ],
)
def test_iterations_count_from_one_in_the_fork(text, first):
    assert first_iteration(parse_solver(text).solver) == first


def test_warm_ups_without_sense():
    for text, message in [
        ("warmup_iter: -1", "warmup_iter is negative"),
        ("rampup_interval: -1", "rampup_interval is negative"),
        ("warmup_iter: 2 rampup_interval: 2", "two kinds of warm-up"),
    ]:
        with pytest.raises(FieldError, match=message):
            check_policy(parse_solver(f'lr_policy: "fixed" {text}').solver)


@pytest.mark.parametrize("policy", ["step", "exp", "multistep", "plateau"])
def test_gamma_must_not_be_negative(policy):
    with pytest.raises(FieldError, match="gamma is negative"):
        check_policy(parse_solver(f'lr_policy: "{policy}" gamma: -0.1 stepsize: 5 plateau_winsize: 3').solver)


@pytest.mark.parametrize(
    ("fields", "iteration", "rate"),
    [
        ('lr_policy: "sigmoid" gamma: -0.5 stepsize: 10', 14, 1 / (1 + np.exp(2))),
        ('lr_policy: "sigmoid" gamma: -0.5 stepsize: 10', 6, 1 / (1 + np.exp(-2))),
        ('lr_policy: "inv" gamma: -0.125 power: 1', 4, 2),
        ('lr_policy: "inv" gamma: -0.125 power: 0.5', 16, np.nan),
    ],
)
def test_rates_that_take_a_negative_gamma(fields, iteration, rate):
    parameter = parse_solver(f"base_lr: 1 {fields}").solver
    check_policy(parameter)
    assert learning_rate(parameter, iteration, 0, np.float64) == pytest.approx(rate, nan_ok=True)


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
