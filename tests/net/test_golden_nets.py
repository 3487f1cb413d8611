"""Whole nets against the reference: structure, blobs, gradients."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from pycaffelite.graph.wiring import build_graph
from pycaffelite.layers.registry import layer_types
from pycaffelite.net import Net, build
from pycaffelite.plan import compile_plan
from pycaffelite.schema.reader import read_net

FOLDER = Path(__file__).parents[1] / "golden" / "nets"
KNOWN = set(layer_types())
CASES = {
    case["name"]: case
    for case in json.loads((FOLDER / "index.json").read_text())["cases"]
    if {layer["type"] for layer in case["structure"]["layers"]} <= KNOWN
}
TOLERANCE = {np.float64: (1e-9, 1e-9), np.float32: (1e-5, 5e-5)}  # of data, of diffs; relative to the largest value


def net_of(case: dict, dtype: type) -> Net:
    graph = build_graph(read_net(FOLDER / case["net"]), case["phase"], case["level"], case["stages"])
    return build(graph, dtype=dtype, seed=1)


def assert_near(found: np.ndarray, expected: np.ndarray, tolerance: float, name: str, scale: float = 0.0) -> None:
    assert found.shape == expected.shape, name
    scale = max(scale, float(np.abs(expected).max(initial=0.0)))
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance * scale + 1e-7, err_msg=name)


@pytest.mark.parametrize("name", CASES)
def test_structure(name: str) -> None:
    case = CASES[name]
    structure = case["structure"]
    net = net_of(case, np.float32)
    for entry, expected in zip(net.layers, structure["layers"], strict=True):
        assert list(entry.top_names) == expected["top"], entry.node.name
        assert entry.needs_backward == expected["need_backward"], entry.node.name
        assert entry.wanted == expected["bottom_need_backward"], entry.node.name
    learnable = [
        {"count": item.blob.count, "lr_mult": item.lr_mult, "decay_mult": item.decay_mult} for item in net.learnables
    ]
    assert learnable == structure["learnable"]
    assert net.loss_weights == pytest.approx(structure["loss_weights"])


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("naive", [False, True])
@pytest.mark.parametrize("name", CASES)
def test_numbers(name: str, dtype: type, naive: bool) -> None:
    case = CASES[name]
    data_tolerance, diff_tolerance = TOLERANCE[dtype]
    net = net_of(case, dtype)
    plan = compile_plan(net, naive=naive)
    with np.load(FOLDER / case["file"]) as arrays:
        values = dict(arrays)
    for key, value in values.items():
        kind, _, rest = key.partition("/")
        if kind == "input":
            net.blobs[rest].data[...] = value.reshape(net.blobs[rest].shape)  # input_dim makes four axes
        elif kind == "param":
            layer, index = rest.rsplit("/", 1)
            net.params[layer][int(index)].data[...] = value
    loss = plan.forward()
    assert loss == pytest.approx(float(values["total_loss"]), rel=data_tolerance)
    if case["backward"]:
        net.clear_param_diffs()
        plan.backward()
    diff_scale = max((float(np.abs(v).max()) for k, v in values.items() if k.startswith("paramdiff/")), default=0.0)
    tops = [pair for entry in net.layers for pair in zip(entry.top_names, entry.tops, strict=True)]
    blobs = {**dict(tops), **net.blobs}  # and the automatic ones
    for key, value in values.items():
        kind, _, rest = key.partition("/")
        if kind == "data":
            assert_near(blobs[rest].data, value, data_tolerance, key)
        elif kind == "diff":
            assert_near(blobs[rest].diff, value, diff_tolerance, key)
        elif kind in ("paramdiff", "param_after"):
            layer, index = rest.rsplit("/", 1)
            blob = net.params[layer][int(index)]
            found = blob.diff if kind == "paramdiff" else blob.data
            assert_near(found, value, diff_tolerance, key, diff_scale)
