from __future__ import annotations

from functools import partial

import numpy as np

from pycaffelite.testing import Case, ErrorCase, LayerContract, LayerRunner, layer_text

POSITIVE = np.array([[0.5, 1.5, 2.0], [3.0, 0.25, 1.0]])


def powered(bottoms, params, power=1.0, scale=1.0, shift=0.0):
    return (float(np.float32(shift)) + float(np.float32(scale)) * bottoms[0]) ** float(np.float32(power))


def param(text):
    return f"power_param {{ {text} }}"


class TestPower(LayerContract):
    type_name = "Power"
    cases = {
        "default": Case(oracle=powered),
        "linear": Case(
            param("scale: -0.1 shift: 2"), [(3, 4)], phase="TEST", oracle=partial(powered, scale=-0.1, shift=2)
        ),
        "square": Case(
            param("power: 2 scale: 0.7 shift: 0.1"), [(3, 4)], oracle=partial(powered, power=2, scale=0.7, shift=0.1)
        ),
        "square_at_zero": Case(param("power: 2"), [np.array([0.0, 1.0, -1.0])], oracle=partial(powered, power=2)),
        "root": Case(param("power: 0.5"), [POSITIVE], oracle=partial(powered, power=0.5)),
        "inverse": Case(
            param("power: -0.75 scale: 0.3 shift: 1"),
            [POSITIVE],
            oracle=partial(powered, power=-0.75, scale=0.3, shift=1),
        ),
        "no_power": Case(param("power: 0 shift: 3"), [(3,)], oracle=partial(powered, power=0, shift=3)),
        "no_scale": Case(
            param("power: 2.5 scale: 0 shift: 1.7"), [(3,)], oracle=partial(powered, power=2.5, scale=0, shift=1.7)
        ),
    }
    errors = {
        "two_bottoms": ErrorCase(
            bottoms=[(2, 3), (2, 3)],
            message="""
            error: wrong number of bottoms
              expected: 1
              got:      2
            """,
        ),
    }


def test_a_zero_base_has_no_slope():
    runner = LayerRunner(layer_text("Power", param("power: 3")), [np.array([0.0, 2.0])], top_diffs=[np.ones(2)])
    assert runner.forward()[0].tolist() == [0, 8]
    diff = runner.backward()[0]
    assert np.isnan(diff[0])
    assert diff[1] == 12
