from __future__ import annotations

import numpy as np

from pycaffelite.testing import Case, ErrorCase, LayerContract, LayerRunner, layer_text

WIDE = np.random.default_rng(0).uniform(-6, 12, (3, 7)).astype(np.float32)


class TestReLU6(LayerContract):
    type_name = "ReLU6"
    cases = {
        "default": Case(bottoms=[WIDE], oracle=lambda bottoms, params: np.clip(bottoms[0], 0, 6), skip_kinks=True),
        "test": Case(bottoms=[WIDE], phase="TEST", oracle=lambda bottoms, params: np.clip(bottoms[0], 0, 6)),
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


def test_there_is_no_gradient_at_the_ends():
    runner = LayerRunner(layer_text("ReLU6"), [np.array([-1.0, 0.0, 3.0, 6.0, 7.0])], top_diffs=[np.ones(5)])
    runner.forward()
    assert runner.backward()[0].tolist() == [0, 0, 1, 0, 0]
