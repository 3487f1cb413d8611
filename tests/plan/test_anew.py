"""A backward pass that begins anew leaves what one after clearing does, whatever the diffs held."""

from __future__ import annotations

import numpy as np
import pytest

from pycaffelite.graph.wiring import build_graph
from pycaffelite.net import build
from pycaffelite.plan import compile_plan
from pycaffelite.schema.reader import parse_net

FILLERS = 'weight_filler { type: "gaussian" std: 0.1 } bias_filler { type: "gaussian" std: 0.1 }'
NET = f"""
layer {{ name: "data" type: "DummyData" top: "x" top: "label"
  dummy_data_param {{ shape {{ dim: 3 dim: 2 dim: 6 dim: 6 }} shape {{ dim: 3 }}
    data_filler {{ type: "gaussian" }} data_filler {{ type: "constant" value: 1 }} }} }}
layer {{ name: "conv" type: "Convolution" bottom: "x" top: "conv"
  convolution_param {{ num_output: 4 kernel_size: 3 {FILLERS} }} }}
layer {{ name: "first" type: "InnerProduct" bottom: "conv" top: "first"
  inner_product_param {{ num_output: 7 {FILLERS} }} }}
layer {{ name: "shared" type: "InnerProduct" bottom: "first" top: "second" param {{ name: "w" }} param {{ name: "b" }}
  inner_product_param {{ num_output: 7 {FILLERS} }} }}
layer {{ name: "again" type: "InnerProduct" bottom: "second" top: "third" param {{ name: "w" }} param {{ name: "b" }}
  inner_product_param {{ num_output: 7 {FILLERS} }} }}
layer {{ name: "frozen" type: "InnerProduct" bottom: "third" top: "fourth" param {{ lr_mult: 0 }} param {{ lr_mult: 1 }}
  inner_product_param {{ num_output: 5 transpose: true {FILLERS} }} }}
layer {{ name: "loss" type: "SoftmaxWithLoss" bottom: "fourth" bottom: "label" top: "loss" }}
"""


@pytest.mark.parametrize("naive", [True, False])
def test_as_after_clearing(naive):
    plan = compile_plan(build(build_graph(parse_net(NET)), seed=1), naive=naive)
    blobs = [learnable.blob for learnable in plan.net.learnables]
    plan.forward()
    plan.net.clear_param_diffs()
    plan.backward()
    expected = [blob.diff.copy() for blob in blobs]
    for blob in blobs:
        blob.diff[...] = np.nan
    plan.backward(anew=True)
    for blob, diff in zip(blobs, expected, strict=True):
        np.testing.assert_array_equal(blob.diff, diff)
    plan.backward()
    for blob, diff in zip(blobs, expected, strict=True):
        np.testing.assert_allclose(blob.diff, 2 * diff, rtol=1e-4, atol=1e-6)


def test_only_what_is_not_overwritten_is_cleared():
    plan = compile_plan(build(build_graph(parse_net(NET)), seed=1))
    layers, left = plan._anew
    assert [layer.name for layer in layers] == ["frozen", "first"]
    assert [learnable.name for learnable in plan.net.learnables if learnable.blob in left] == [
        "conv/0", "conv/1", "shared/0", "shared/1", "frozen/0",
    ]  # fmt: skip


def test_layers_add_again_after_an_error(monkeypatch):
    plan = compile_plan(build(build_graph(parse_net(NET)), seed=1))
    plan.forward()
    layers, _left = plan._anew
    monkeypatch.setattr(type(layers[0]), "backward", lambda *_arguments: 1 // 0)
    plan = compile_plan(plan.net)
    with pytest.raises(ZeroDivisionError):
        plan.backward(anew=True)
    assert not any(layer.anew for layer in layers)
