from __future__ import annotations

import numpy as np
import pytest

from pycaffelite.graph.wiring import build_graph
from pycaffelite.net import build
from pycaffelite.plan import compile_plan
from pycaffelite.schema.reader import parse_net

NET = """
layer { name: "in" type: "Input" top: "data" top: "label" input_param { shape { dim: 4 dim: 6 } shape { dim: 4 } } }
layer { name: "trunk" type: "InnerProduct" bottom: "data" top: "trunk"
  inner_product_param { num_output: 5 weight_filler { type: "xavier" } } }
layer { name: "relu" type: "ReLU" bottom: "trunk" top: "trunk" }
layer { name: "main" type: "InnerProduct" bottom: "trunk" top: "main"
  inner_product_param { num_output: 3 weight_filler { type: "xavier" } } }
layer { name: "side" type: "InnerProduct" bottom: "trunk" top: "side"
  inner_product_param { num_output: 3 weight_filler { type: "xavier" } } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "main" bottom: "label" top: "loss" %s }
layer { name: "l1" type: "SoftmaxWithLoss" bottom: "side" bottom: "label" top: "l1" %s }
layer { name: "acc" type: "Accuracy" bottom: "main" bottom: "label" top: "acc" }
"""


def plan_of(main: str = "", side: str = ""):
    plan = compile_plan(build(build_graph(parse_net(NET % (main, side))), dtype=np.float64, seed=3))
    generator = np.random.default_rng(5)
    plan.net.blobs["data"].data[...] = generator.standard_normal((4, 6))
    plan.net.blobs["label"].data[...] = [0, 2, 1, 1]
    return plan


def gradient(plan) -> np.ndarray:
    plan.forward()
    plan.net.clear_param_diffs()
    plan.backward()
    return plan.net.params["trunk"][0].diff.copy()


def test_the_total_loss_is_the_weighted_sum_of_all_heads() -> None:
    plan = plan_of(side="loss_weight: 0.3")
    total = plan.forward()
    blobs = plan.net.blobs
    assert total == pytest.approx(blobs["loss"].data.item() + np.float32(0.3) * blobs["l1"].data.item())
    assert total == plan.total_loss()


def test_the_trunk_learns_from_the_sum_of_what_the_heads_send_down() -> None:
    both = gradient(plan_of(side="loss_weight: 0.3"))
    main = gradient(plan_of(side="loss_weight: 0"))
    side = gradient(plan_of(main="loss_weight: 0"))
    np.testing.assert_allclose(both, main + np.float32(0.3) * side, rtol=1e-12, atol=1e-14)


def test_steps_follow_the_layers_and_skip_what_leads_to_no_loss() -> None:
    plan = plan_of().naive
    forward = [step.layer.node.name for step in plan.forward_steps]
    backward = [step.layer.node.name for step in plan.backward_steps]
    assert forward == [entry.node.name for entry in plan.net.layers]
    assert backward == [name for name in reversed(forward) if name not in ("in", "acc", "label_in_1_split")]


def test_parameter_gradients_add_up_until_they_are_cleared() -> None:
    plan = plan_of()
    once = gradient(plan)
    plan.backward()
    np.testing.assert_allclose(plan.net.params["trunk"][0].diff, 2 * once, rtol=1e-12)
    plan.net.clear_param_diffs()
    assert not plan.net.params["trunk"][0].diff.any()


def test_a_numerical_gradient_through_splits_and_heads() -> None:
    plan = plan_of(side="loss_weight: 0.3")
    analytic = gradient(plan)
    weights = plan.net.params["trunk"][0].data
    step = 1e-5
    for index in [(0, 0), (2, 3), (4, 5)]:
        kept = weights[index]
        weights[index] = kept + step
        above = plan.forward()
        weights[index] = kept - step
        below = plan.forward()
        weights[index] = kept
        assert analytic[index] == pytest.approx((above - below) / (2 * step), rel=1e-6, abs=1e-9)
