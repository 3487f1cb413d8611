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


def test_adamw_refuses_another_regularization():
    with pytest.raises(FieldError, match="AdamW shrinks the weights in proportion"):
        rules.find_rule(parse_solver('type: "AdamW" regularization_type: "L1"').solver)
