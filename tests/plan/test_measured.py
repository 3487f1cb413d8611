"""A layer whose data decides the shapes of its tops: the layers behind it follow, in every kind of plan."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pytest

from pycaffelite.errors import ShapeError
from pycaffelite.graph.wiring import build_graph
from pycaffelite.layers import registry
from pycaffelite.layers.base import Layer, Layout
from pycaffelite.layers.registry import register
from pycaffelite.net import build
from pycaffelite.plan import compile_plan
from pycaffelite.schema.reader import parse_net

NET = """
layer { name: "in" type: "Input" top: "x" input_param { shape { dim: 4 dim: 3 } } }
layer { name: "keep" type: "KeepPositive" bottom: "x" top: "kept" }
layer { name: "ip" type: "InnerProduct" bottom: "kept" top: "y"
  inner_product_param { num_output: 2 weight_filler { type: "xavier" } } }
layer { name: "relu" type: "ReLU" bottom: "y" top: "y" }
layer { name: "both" type: "Concat" bottom: "y" bottom: "y" top: "z" }
layer { name: "norm" type: "Reshape" bottom: "z" top: "loss" loss_weight: 2
  reshape_param { shape { dim: -1 } } }
"""


@pytest.fixture(autouse=True)
def _own_layer() -> Iterator[None]:
    @register("KeepPositive")
    class KeepPositive(Layer):
        measures = True

        def layout(self, bottom_shapes: Sequence[tuple[int, ...]]) -> Layout:
            return Layout([bottom_shapes[0]])

        def measure(self, bottom):
            return [(int(np.sum(bottom[0].data[:, 0] > 0)), *bottom[0].shape[1:])]

        def forward(self, bottom, top):
            top[0].data[...] = bottom[0].data[bottom[0].data[:, 0] > 0]

        def backward(self, top, wanted, bottom):
            bottom[0].diff[...] = 0
            bottom[0].diff[bottom[0].data[:, 0] > 0] = top[0].diff

    yield
    registry._CLASSES.pop("KeepPositive")


@pytest.mark.parametrize("naive", [True, False])
def test_shapes_behind_it_follow_the_data(naive: bool) -> None:
    net = build(build_graph(parse_net(f"force_backward: true {NET}")), dtype=np.float64, seed=1)
    plan = compile_plan(net, naive=naive)
    for rows in (3, 1, 4, 2):
        x = np.random.default_rng(rows).standard_normal((4, 3))
        x[:, 0] = [1.0] * rows + [-1.0] * (4 - rows)
        net.blobs["x"].data[...] = x
        loss = plan.forward()
        y = np.maximum(x[:rows] @ net.params["ip"][0].data.T, 0)
        assert net.blobs["z"].shape == (rows, 4)
        np.testing.assert_allclose(net.blobs["z"].data, np.hstack([y, y]))
        assert loss == pytest.approx(4 * y.sum())
        net.clear_param_diffs()
        plan.backward()
        np.testing.assert_allclose(net.params["ip"][0].diff, 4 * (y > 0).T @ x[:rows])
        np.testing.assert_array_equal(net.blobs["x"].diff[rows:], 0)


def test_a_layer_behind_it_that_no_longer_fits_is_named() -> None:
    text = NET.replace("num_output: 2", "num_output: 2 axis: 0").partition('layer { name: "both"')[0]
    net = build(build_graph(parse_net(text)), seed=1)
    plan = compile_plan(net)
    net.blobs["x"].data[...] = [[1, 1, 1]] * 3 + [[-1, 1, 1]]
    with pytest.raises(ShapeError, match="`ip`"):
        plan.forward()
