from __future__ import annotations

from pycaffelite.plan import Plan
from pycaffelite.report.tables import plain
from pycaffelite.report.timing import measure, render


def test_every_layer_has_a_time(train_plan: Plan) -> None:
    timing = measure(train_plan, 2, 1)
    by_name = {layer.name: layer for layer in timing.layers}
    assert len(by_name) == len(train_plan.net.layers)
    assert by_name["in"].backward is None
    assert by_name["fc1"].backward is not None
    assert by_name["fc1"].total >= by_name["fc1"].forward > 0
    text = plain(render(timing))
    assert text.startswith("two, phase TRAIN: medians of 2 passes, 1 thread\n")
    assert "whole pass" in text
