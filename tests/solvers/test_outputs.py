"""Outputs over the batches of a test: means, and what layers make of detections instead."""

from __future__ import annotations

import numpy as np
import pytest

from pycaffelite.errors import FieldError
from pycaffelite.graph.wiring import build_graph
from pycaffelite.net import build
from pycaffelite.plan import compile_plan
from pycaffelite.schema.reader import parse_net
from pycaffelite.solvers.outputs import OutputReader

NET = """
layer { name: "found" type: "Input" top: "found" input_param { shape { dim: 1 dim: 1 dim: 2 dim: 7 } } }
layer { name: "true" type: "Input" top: "true" input_param { shape { dim: 1 dim: 1 dim: 1 dim: 8 } } }
layer { name: "right" type: "DetectionEvaluate" bottom: "found" bottom: "true" top: "right"
        detection_evaluate_param { num_classes: 2 } }
"""


def test_detections_become_a_mean_average_precision():
    net = build(build_graph(parse_net(NET, "net.prototxt"), "TEST"))
    plan, reader = compile_plan(net), OutputReader(net, "11point")
    net.blobs["true"].data[...] = [0, 1, 0, 0, 0, 0.5, 0.5, 0]
    box = [0, 0, 0.5, 0.5]
    for scores in ([0.9, 0.8], [0.7, -1]):  # two detections, then one
        net.blobs["found"].data[0, 0] = [[0, 1, scores[0], *box], [0, 1 if scores[1] > 0 else -1, scores[1], *box]]
        plan.forward()
        assert reader.read(in_full=True)[0].values == ()
        reader.add()
    [output] = reader.means(2)
    # Right, wrong, right of two true boxes.
    assert (output.name, output.loss_weight) == ("right", 0.0)
    assert output.values == pytest.approx(((6 * 1 + 5 * 2 / 3) / 11,))


def test_an_unknown_way_to_average(make_solver):
    with pytest.raises(FieldError, match="unknown ap_version") as error:
        make_solver('ap_version: "11points"')
    assert error.value.hint == "did you mean `11point`?"
    assert np.isfinite(make_solver('ap_version: "11point"').iteration)
