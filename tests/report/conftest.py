from __future__ import annotations

import pytest

from pycaffelite.graph.graph import Graph
from pycaffelite.graph.wiring import build_graph
from pycaffelite.net import build
from pycaffelite.plan import Plan, compile_plan
from pycaffelite.schema.reader import parse_net

# Two heads on one blob, an in-place layer, parameters: small, and everything that a report must tell apart.
TWO_HEADS = """
name: "two"
layer { name: "in" type: "DummyData" top: "x" top: "label"
  dummy_data_param { shape { dim: 4 dim: 3 } shape { dim: 4 }
    data_filler { type: "gaussian" std: 1 } data_filler { type: "constant" value: 1 } } }
layer { name: "fc1" type: "InnerProduct" bottom: "x" top: "h"
  inner_product_param { num_output: 5 weight_filler { type: "xavier" } } }
layer { name: "relu" type: "ReLU" bottom: "h" top: "h" }
layer { name: "side" type: "InnerProduct" bottom: "h" top: "side"
  inner_product_param { num_output: 2 weight_filler { type: "xavier" } } }
layer { name: "side_loss" type: "SoftmaxWithLoss" bottom: "side" bottom: "label" top: "side_loss" loss_weight: 0.5 }
layer { name: "fc2" type: "InnerProduct" bottom: "h" top: "out"
  inner_product_param { num_output: 2 weight_filler { type: "xavier" } } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "out" bottom: "label" top: "loss" }
layer { name: "accuracy" type: "Accuracy" bottom: "out" bottom: "label" top: "accuracy" include { phase: TEST } }
layer { name: "extra" type: "Softmax" bottom: "side" top: "extra" include { phase: TEST } }
"""


def graph_of(text: str, phase: str = "TRAIN") -> Graph:
    return build_graph(parse_net(text, "two.prototxt"), phase)


def plan_of(text: str, phase: str = "TRAIN") -> Plan:
    return compile_plan(build(graph_of(text, phase), seed=1))


@pytest.fixture(scope="module")
def test_graph() -> Graph:
    return graph_of(TWO_HEADS, "TEST")


@pytest.fixture
def train_plan() -> Plan:
    return plan_of(TWO_HEADS)


@pytest.fixture
def test_plan() -> Plan:
    return plan_of(TWO_HEADS, "TEST")
