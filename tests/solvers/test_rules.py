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
        '  expected: type: one of "SGD", "Nesterov", "AdaGrad", "RMSProp", "AdaDelta", "Adam"\n'
        '  got:      type: "Adma"\n'
        "\n"
        "hint: did you mean `Adam`?"
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
