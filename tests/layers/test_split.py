from __future__ import annotations

import numpy as np

from pycaffelite.testing import Case, ErrorCase, LayerContract, LayerRunner, layer_text


class TestSplit(LayerContract):
    type_name = "Split"
    cases = {
        "default": Case(bottoms=[(2, 3, 4)], tops=2, oracle=lambda bottoms, params: bottoms * 2),
        "three": Case(bottoms=[(5,)], tops=3, phase="TEST", oracle=lambda bottoms, params: bottoms * 3),
        "one": Case(bottoms=[(5,)], tops=1, oracle=lambda bottoms, params: bottoms),
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


def test_only_tops_that_do_not_share_are_written():
    runner = LayerRunner(layer_text("Split", tops=2), [(2, 3)])
    own = np.zeros((2, 3))
    runner.top[0].data, runner.top[1].data = runner.bottom[0].data, own
    for top in runner.forward():
        np.testing.assert_array_equal(top, runner.inputs[0])
    assert runner.top[0].data is runner.bottom[0].data
    assert runner.top[1].data is own
