import numpy as np
import pytest

from pycaffelite.errors import FieldError
from pycaffelite.schema.reader import parse_solver
from pycaffelite.solvers import rules


def test_unknown_type():
    file = parse_solver('type: "Adma"', "s.prototxt")
    with pytest.raises(FieldError) as error:
        rules.find_rule(file.solver, file.source.where)
    assert str(error.value) == (
        "error: s.prototxt:1:1: unknown solver type\n"
        '  expected: type: one of "SGD", "Nesterov", "AdaGrad", "RMSProp", "AdaDelta", "Adam", "AdamW"\n'
        '  got:      type: "Adma"\n'
        "\n"
        "hint: did you mean `Adam` or `AdamW`?"
    )


@pytest.mark.parametrize("name", ["AdaGrad", "RMSProp"])
def test_some_refuse_momentum(name):
    file = parse_solver(f'type: "{name}"\nmomentum: 0.5', "s.prototxt")
    with pytest.raises(FieldError) as error:
        rules.find_rule(file.solver, file.source.where)
    assert error.value.what == f"{name} does not use momentum"
    assert str(error.value.where) == "s.prototxt:2:1"


def test_a_large_parameter_is_updated_as_a_small_one():
    count = 1 << 15
    large = rules.Updater(rules.RULES["SGD"], data := np.zeros((2, count // 2), np.float32), np.ones_like(data))
    small = rules.Updater(rules.RULES["SGD"], few := np.zeros(3, np.float32), np.ones_like(few))
    for updater in (large, small):
        updater.configure((0.5, 1.5), l2=0.0, l1=0.0)
        updater.apply(1.0, 0.25)
    assert (data == few[0]).all()
    assert few[0] == -0.25
    assert large.history[0].shape == data.shape


def test_squared_norm_of_a_large_parameter():
    values = np.random.default_rng(2).standard_normal(40_000).astype(np.float32)
    updater = rules.Updater(rules.RULES["SGD"], np.zeros_like(values), values)
    assert updater.squared_norm() == pytest.approx(float(np.square(values, dtype=np.float64).sum()), rel=1e-12)


def test_adamw_decays_apart_from_the_gradient():
    values = {}
    for name in ("Adam", "AdamW"):
        data = np.full(3, 2.0)
        updater = rules.Updater(rules.RULES[name], data, np.zeros(3))
        updater.configure((1e-8, 0.9, 0.999, 0.1, 0.001), l2=0.25, l1=0.0)
        updater.apply(1.0, 0.5, 0.125)
        values[name] = data[0]
    assert values["AdamW"] == 2.0 - 0.5 * 0.25 * 2.0  # the factor is for the moments alone
    assert values["Adam"] != values["AdamW"]


def test_adamw_refuses_another_regularization():
    with pytest.raises(FieldError, match="AdamW shrinks the weights in proportion"):
        rules.find_rule(parse_solver('type: "AdamW" regularization_type: "L1"').solver)


@pytest.mark.parametrize("shape", [(3,), (40_000,), (200, 4, 50)])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_seen(shape, bad):
    gradient = np.full(shape, 1e30, np.float32)  # the sum of its squares overflows
    updater = rules.Updater(rules.RULES["SGD"], np.zeros_like(gradient), gradient)
    with np.errstate(all="ignore"):
        assert updater.is_finite()
        gradient.flat[gradient.size // 3] = bad
        assert not updater.is_finite()


@pytest.mark.parametrize("place", [np.s_[7], np.s_[:, 3, 41]], ids=["row", "column"])
def test_a_row_or_column_of_a_large_gradient_is_seen(place):
    gradient = np.full((200, 4, 50), 0.1, np.float32)
    updater = rules.Updater(rules.RULES["SGD"], np.zeros_like(gradient), gradient)
    assert updater.is_finite()
    gradient[place] = np.nan
    assert not updater.is_finite()
