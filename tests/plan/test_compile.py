"""Which steps a compiled plan has, and which arrays are shared."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from pycaffelite.blob import Array, Blob
from pycaffelite.errors import UnsupportedError
from pycaffelite.graph.wiring import build_graph
from pycaffelite.layers import registry
from pycaffelite.layers.base import Arity, Epilogue, Layer, Layout
from pycaffelite.net import build
from pycaffelite.plan import Plan, compile_plan
from pycaffelite.schema.reader import parse_net

CHAIN = """
layer { name: "in" type: "Input" top: "data" input_param { shape { dim: 1 dim: 2 dim: 5 dim: 5 } } }
layer { name: "conv" type: "Convolution" bottom: "data" top: "conv"
  convolution_param { num_output: 3 kernel_size: 1 weight_filler { type: "msra" } } }
layer { name: "norm" type: "BatchNorm" bottom: "conv" top: "conv" }
layer { name: "scale" type: "Scale" bottom: "conv" top: "conv" scale_param { bias_term: true } }
layer { name: "drop" type: "Dropout" bottom: "conv" top: "conv" }
layer { name: "relu" type: "ReLU" bottom: "conv" top: "conv" }
layer { name: "pool" type: "Pooling" bottom: "conv" top: "pool"
  pooling_param { pool: MAX kernel_size: 2 stride: 1 } }
layer { name: "other" type: "Pooling" bottom: "conv" top: "other"
  pooling_param { pool: AVE kernel_size: 2 stride: 1 } }
layer { name: "cat" type: "Concat" bottom: "pool" bottom: "other" top: "cat" }
layer { name: "flat" type: "Flatten" bottom: "cat" top: "flat" }
layer { name: "fc" type: "InnerProduct" bottom: "flat" top: "fc"
  inner_product_param { num_output: 2 weight_filler { type: "msra" } } }
"""
LOSS = """
layer { name: "label" type: "Input" top: "label" input_param { shape { dim: 1 } } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "fc" bottom: "label" top: "loss" }
layer { name: "acc" type: "Accuracy" bottom: "fc" bottom: "label" top: "acc" }
"""


def plan_of(text: str, phase: str = "TEST", **options: bool) -> Plan:
    return compile_plan(build(build_graph(parse_net(text), phase), seed=1), **options)


def joined(plan: Plan) -> list[str]:
    return [" ".join(entry.node.name for entry in step.layers) for step in plan.forward_steps]


def test_nothing_learns() -> None:
    assert joined(plan_of(CHAIN)) == ["in", "conv norm scale relu", "pool", "other", "cat", "flat", "fc"]


def test_a_backward_pass_may_come() -> None:
    """BatchNorm and Scale need what they overwrite."""
    steps = joined(plan_of(CHAIN + LOSS))
    assert steps[:5] == ["in", "conv", "norm", "scale", "relu"]
    assert joined(plan_of(CHAIN + LOSS, forward_only=True))[:2] == ["in", "conv norm scale relu"]


def test_a_layer_in_place_behind_a_rectifier_keeps_it_apart_in_training() -> None:
    text = CHAIN.replace('"Dropout"', '"Power"').replace('"BatchNorm"', '"ReLU"').replace('"Scale"', '"ReLU"')
    text = text.replace("scale_param { bias_term: true }", "")
    assert joined(plan_of(text + LOSS, "TRAIN"))[1:5] == ["conv", "norm", "scale", "drop"]
    assert joined(plan_of(text, "TRAIN"))[1:5] == ["conv norm", "scale", "drop", "relu"]


def test_no_backward_pass_was_asked_for() -> None:
    plan = plan_of(CHAIN + LOSS, forward_only=True)
    plan.forward()
    with pytest.raises(UnsupportedError) as error:
        plan.backward()
    assert str(error.value) == (
        "error: this plan has no backward pass\n\nhint: compile it without `forward_only`, or use `plan.naive`"
    )
    plan.naive.forward()
    plan.naive.backward()
    assert plan.naive.naive is plan.naive
    assert len(plan.naive.forward_steps) == len(plan.net.layers)


def test_shared_data() -> None:
    for plan in (plan_of(CHAIN), plan_of(CHAIN + LOSS, "TRAIN")):
        blobs = plan.net.blobs
        arrays = {name: blob.data for name, blob in blobs.items()}
        plan.forward()
        plan.backward()
        assert all(blob.data is arrays[name] for name, blob in blobs.items())
        assert np.shares_memory(blobs["flat"].data, blobs["cat"].data)
        assert np.shares_memory(blobs["cat"].data, blobs["pool"].data)
        assert not np.shares_memory(blobs["pool"].data, blobs["other"].data)


def test_a_single_diff_is_shared() -> None:
    plan = plan_of(CHAIN + LOSS, "TRAIN")
    split = next(entry for entry in plan.net.layers if entry.node.name == "fc_fc_0_split")
    assert split.bottoms[0].diff is split.tops[0].diff
    assert np.shares_memory(plan.net.blobs["flat"].diff, plan.net.blobs["cat"].diff)


class Doubling(Layer):
    """Doubles each channel; both a maker and a follower, outside the package."""

    arity = Arity(in_place=True)

    def layout(self, bottom_shapes: Sequence[tuple[int, ...]]) -> Layout:
        return Layout([bottom_shapes[0]])

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        np.multiply(bottom[0].data, 2, out=top[0].data)

    def epilogue(self) -> Epilogue:
        return Epilogue(self.fold, axis=1)

    def fold(self, scale: Array, shift: Array) -> None:
        scale *= 2
        shift *= 2

    def can_fuse(self, axis: int | None) -> bool:
        return axis in (None, 1)

    def forward_fused(
        self, bottom: Sequence[Blob], top: Sequence[Blob], scale: Array, shift: Array, slope: float | None = None
    ) -> None:
        self.forward(bottom, top)
        if scale.size:
            top[0].data[...] = top[0].data * scale[:, None, None] + shift[:, None, None]
        if slope is not None:
            np.maximum(top[0].data, slope * top[0].data, out=top[0].data)


def test_layers_from_elsewhere_take_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(registry._CLASSES, "Doubling", Doubling)
    text = CHAIN.replace('"BatchNorm"', '"Doubling"').replace('"Pooling"', '"Doubling"', 1)
    text = text.split('layer { name: "other"')[0]
    relu = 'layer { name: "last" type: "ReLU" bottom: "pool" top: "pool" }'
    plan, naive = plan_of(text + relu), plan_of(text + relu, naive=True)
    assert joined(plan) == ["in", "conv norm scale relu", "pool last"]
    for each in (plan, naive):
        each.net.blobs["data"].data[...] = np.random.default_rng(0).standard_normal((1, 2, 5, 5))
        each.forward()
    np.testing.assert_allclose(plan.net.blobs["pool"].data, naive.net.blobs["pool"].data, rtol=1e-5, atol=1e-5)
