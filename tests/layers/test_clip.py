from __future__ import annotations

import numpy as np

from pycaffelite.testing import Case, ErrorCase, LayerContract, LayerRunner, layer_text


class TestClip(LayerContract):
    type_name = "Clip"
    cases = {
        "both_ends": Case("clip_param { min: -0.5 max: 1 }", oracle=lambda b, p: np.clip(b[0], -0.5, 1)),
        "no_range": Case("clip_param { min: 2 max: 1 }", oracle=lambda b, p: np.full_like(b[0], 2)),
    }
    errors = {
        "no_max": ErrorCase(
            "clip_param { min: 1 }",
            message="""
            error: a Clip layer needs its range
              expected: clip_param { min: -1 max: 1 }, for example
              got:      no max
            """,
        ),
        "none": ErrorCase(
            message="""
            error: a Clip layer needs its range
              expected: clip_param { min: -1 max: 1 }, for example
              got:      no min and no max
            """,
        ),
    }


def test_the_gradient_passes_at_both_ends():
    x = np.array([-2.0, -1, 0, 1, 2])
    runner = LayerRunner(layer_text("Clip", "clip_param { min: -1 max: 1 }"), [x], top_diffs=[np.ones(5)])
    runner.forward()
    assert runner.backward()[0].tolist() == [0, 1, 1, 1, 0]
