from __future__ import annotations

import pytest

from pycaffelite.errors import FieldError
from pycaffelite.graph.wiring import build_graph
from pycaffelite.net import build, infer_shapes
from pycaffelite.net.memory import needed_bytes
from pycaffelite.report.inputs import with_inputs
from pycaffelite.report.summary import NetSummary, render, summarize, with_totals
from pycaffelite.report.tables import plain
from pycaffelite.schema.reader import parse_net

NET = """
name: "n"
layer { name: "in" type: "Input" top: "x" input_param { shape { dim: 2 dim: 3 dim: 8 dim: 8 } } }
layer { name: "conv" type: "Convolution" bottom: "x" top: "c" convolution_param { num_output: 4 kernel_size: 3 } }
layer { name: "relu" type: "ReLU" bottom: "c" top: "c" }
layer { name: "a" type: "InnerProduct" bottom: "c" top: "a" param { name: "w" }
  inner_product_param { num_output: 5 bias_term: false } }
layer { name: "b" type: "InnerProduct" bottom: "c" top: "b" param { name: "w" }
  inner_product_param { num_output: 5 bias_term: false } }
"""


def summary_of(text: str, phase: str = "TRAIN") -> NetSummary:
    graph = build_graph(parse_net(text), phase)
    return summarize(graph.name, graph.phase, infer_shapes(graph))


def test_parameters_and_work() -> None:
    by_name = {layer.name: layer for layer in summary_of(NET).layers}
    assert by_name["conv"].parameters == 4 * 3 * 3 * 3 + 4
    assert by_name["conv"].macs == 2 * 4 * 6 * 6 * 27
    assert by_name["a"].parameters == 5 * 144
    assert by_name["b"].parameters == 0  # shared with a
    assert by_name["b"].macs == 2 * 5 * 144
    assert by_name["relu"].macs == 0


@pytest.mark.parametrize(
    ("layer", "macs"),
    [
        ('type: "Deconvolution" convolution_param { num_output: 4 kernel_size: 2 }', 2 * 3 * 64 * (4 * 4)),
        ('type: "Convolution" convolution_param { num_output: 6 kernel_size: 1 group: 3 }', 2 * 6 * 64),
        ('type: "DepthwiseConvolution" convolution_param { num_output: 3 kernel_size: 2 }', 2 * 3 * 49 * 4),
        ('type: "InnerProduct" inner_product_param { num_output: 5 axis: 3 }', 2 * 3 * 64 * 5),
        ('type: "Embed" embed_param { num_output: 5 input_dim: 7 }', 0),
        ('type: "LSTM" bottom: "cont" recurrent_param { num_output: 5 }', 6 * 20 * (64 + 5)),
        ('type: "LSTM" bottom: "cont" bottom: "z" recurrent_param { num_output: 5 }', 6 * 20 * (64 + 5) + 3 * 20 * 9),
        ('type: "RNN" bottom: "cont" recurrent_param { num_output: 5 }', 6 * (5 * 64 + 5 * 5 + 5 * 5)),
    ],
)
def test_work(layer: str, macs: int) -> None:
    shapes = "shape { dim: 2 dim: 3 dim: 8 dim: 8 } shape { dim: 2 dim: 3 } shape { dim: 3 dim: 9 }"
    inputs = f'layer {{ name: "in" type: "Input" top: "x" top: "cont" top: "z" input_param {{ {shapes} }} }}'
    layers = summary_of(f'{inputs} layer {{ name: "y" bottom: "x" top: "y" {layer} }}').layers
    assert next(each.macs for each in layers if each.name == "y") == macs


def test_totals_agree_with_the_net_that_is_built() -> None:
    summary = summary_of(NET)
    net = build(build_graph(parse_net(NET), "TRAIN"), seed=1)
    assert summary.parameters == sum(each.blob.count for each in net.learnables)
    assert with_totals(summary)["macs"] == summary.macs


@pytest.mark.parametrize("phase", ["TRAIN", "TEST"])
def test_memory_agrees_with_the_reckoning_before_a_build(phase: str) -> None:
    text = NET.replace('param { name: "w" }', "")  # that reckoning counts shared parameters twice
    layers = infer_shapes(build_graph(parse_net(text), phase))
    assert summary_of(text, phase).memory == needed_bytes(layers, "float32", diffs=phase == "TRAIN")


def test_inputs_stand_in_for_data() -> None:
    text = """
    layer { name: "d" type: "Data" top: "data" top: "label" data_param { source: "nowhere" batch_size: 9 } }
    layer { name: "l" type: "EuclideanLoss" bottom: "data" bottom: "data" top: "l" }
    layer { name: "s" type: "Silence" bottom: "label" }
    """
    graph = build_graph(with_inputs(parse_net(text), {"data": (7, 3, 4, 4)}), "TRAIN")
    layers = summarize(graph.name, graph.phase, infer_shapes(graph)).layers
    assert layers[0].tops == {"data": (7, 3, 4, 4), "label": (7,)}


def test_an_input_that_no_data_layer_has() -> None:
    with pytest.raises(FieldError, match="no data layer has a top `dat`"):
        with_inputs(parse_net('layer { name: "d" type: "Data" top: "data" }'), {"dat": (1, 2)})


def test_text() -> None:
    lines = plain(render(summary_of(NET))).splitlines()
    assert lines[0] == "n, phase TRAIN"
    assert lines[2].split() == ["layer", "type", "tops", "parameters", "MACs", "memory"]
    assert any(line.split()[:5] == ["b", "InnerProduct", "2x5", "shared", "1.44"] for line in lines)
    assert lines[-1].endswith("with gradients; with 1 split that is not shown")
    assert all(line == line.rstrip() for line in lines)
    assert "Split" in plain(render(summary_of(NET), with_splits=True))
