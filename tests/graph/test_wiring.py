from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pycaffelite.errors import WiringError
from pycaffelite.graph.wiring import build_graph
from pycaffelite.schema.reader import parse_net, read_net

NETS = Path(__file__).parents[1] / "golden" / "nets"
CASES = {case["name"]: case for case in json.loads((NETS / "index.json").read_text())["cases"]}

INPUT = 'layer { name: "in" type: "Input" top: "data" input_param { shape { dim: 2 dim: 3 } } }\n'


def graph_of(text: str, phase: str = "TRAIN"):
    return build_graph(parse_net(text, "net.prototxt"), phase)


@pytest.mark.parametrize("name", CASES)
def test_structure_equals_the_reference(name: str) -> None:
    case = CASES[name]
    graph = build_graph(read_net(NETS / case["net"]), case["phase"], case["level"], case["stages"])
    found = [(node.name, node.type, list(node.bottoms), list(node.tops)) for node in graph.nodes]
    expected = [
        (layer["name"], layer["type"], layer["bottom"], [top for top in layer["top"] if top != "(automatic)"])
        for layer in case["structure"]["layers"]
    ]
    assert found == expected
    assert list(graph.outputs) == case["structure"]["outputs"]
    assert list(graph.inputs) == case["structure"]["inputs"]


def test_a_layer_in_place_names_the_split_behind_it() -> None:
    graph = graph_of(
        INPUT
        + """layer { name: "r" type: "ReLU" bottom: "data" top: "data" }
        layer { name: "a" type: "ReLU" bottom: "data" top: "a" }
        layer { name: "b" type: "ReLU" bottom: "data" top: "b" }"""
    )
    assert [node.name for node in graph.nodes] == ["in", "r", "data_r_0_split", "a", "b"]
    assert graph.nodes[3].bottoms == ("data_r_0_split_0",)
    assert graph.nodes[4].bottoms == ("data_r_0_split_1",)


def test_phase_without_layers_is_an_error() -> None:
    with pytest.raises(WiringError, match="the net has no layers in phase TEST"):
        graph_of('layer { name: "r" type: "Input" top: "x" include { phase: TRAIN } }', "TEST")
    with pytest.raises(WiringError, match="the net has no layers"):
        graph_of('name: "empty"')


ERRORS = {
    "unknown bottom": (
        INPUT + 'layer { name: "c" type: "ReLU" bottom: "dta" top: "c" }',
        "error: net.prototxt:2:1: layer `c` (ReLU): unknown bottom `dta`\n"
        "  expected: the name of a top of a layer above; the nearest are `data`\n"
        "  got:      `dta`\n"
        "\n"
        "hint: did you mean `data`?",
    ),
    "used before made": (
        INPUT
        + 'layer { name: "c" type: "ReLU" bottom: "d" top: "c" }\n'
        + 'layer { name: "d" type: "ReLU" bottom: "data" top: "d" }',
        "error: net.prototxt:2:1: layer `c` (ReLU): bottom `d` is used before it is made\n"
        "  expected: the name of a top of a layer above; the nearest are `data`\n"
        "  got:      `d`\n"
        "\n"
        "hint: move layer `d` (ReLU) (line 3) above this layer",
    ),
    "other phase": (
        INPUT
        + 'layer { name: "t" type: "ReLU" bottom: "data" top: "t" include { phase: TEST } }\n'
        + 'layer { name: "c" type: "ReLU" bottom: "t" top: "c" }',
        "error: net.prototxt:3:1: layer `c` (ReLU): bottom `t` is not made in phase TRAIN\n"
        "  expected: the name of a top of a layer above; the nearest are `data`\n"
        "  got:      `t`\n"
        "\n"
        "hint: the rules of layer `t` (ReLU) at line 2 leave it out of this phase; give this layer the same rules",
    ),
    "duplicate top": (
        INPUT
        + 'layer { name: "a" type: "ReLU" bottom: "data" top: "a" }\n'
        + 'layer { name: "b" type: "ReLU" bottom: "data" top: "a" }',
        "error: net.prototxt:3:1: layer `b` (ReLU): top `a` is made twice\n"
        "  expected: a new name for each top, or the name of a bottom at the same position (in place)\n"
        "  got:      `a`, which layer `a` (ReLU) at line 2 makes already\n"
        "\n"
        "hint: rename this top, or restrict the two layers to different phases with `include { phase: ... }`",
    ),
    "in place over a shared blob": (
        INPUT
        + 'layer { name: "a" type: "ReLU" bottom: "data" top: "a" }\n'
        + 'layer { name: "b" type: "ReLU" bottom: "data" top: "data" }',
        "error: net.prototxt:3:1: layer `b` (ReLU): cannot compute `data` in place: something else reads it too\n"
        "  expected: an in-place layer to be the only reader of its bottom\n"
        "  got:      `data` is also a bottom of layer `a` (ReLU) at line 2\n"
        "\n"
        "hint: give this layer a top of its own, and let the layers below it read that",
    ),
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors(name: str) -> None:
    text, expected = ERRORS[name]
    with pytest.raises(WiringError) as caught:
        graph_of(text)
    assert str(caught.value) == expected


def test_a_layer_cannot_be_in_place_over_a_blob_that_it_reads_twice() -> None:
    with pytest.raises(WiringError, match="cannot compute `data` in place"):
        graph_of(INPUT + 'layer { name: "s" type: "Eltwise" bottom: "data" bottom: "data" top: "data" }')


def test_a_loss_weight_counts_as_a_reader() -> None:
    weighted = INPUT.replace("input_param", "loss_weight: 2 input_param")
    with pytest.raises(WiringError, match="carries the loss_weight of layer `in`"):
        graph_of(weighted + 'layer { name: "r" type: "ReLU" bottom: "data" top: "data" }')


@given(st.lists(st.lists(st.integers(0, 20), min_size=1, max_size=3), max_size=8))
def test_every_top_has_at_most_one_reader_after_splitting(wiring: list[list[int]]) -> None:
    """Whatever the layers read, splits leave one reader a top, and every copy's data come from the right blob."""
    text = INPUT
    tops = ["data"]
    for i, picks in enumerate(wiring):
        bottoms = " ".join(f'bottom: "{tops[pick % len(tops)]}"' for pick in picks)
        text += f'layer {{ name: "l{i}" type: "Concat" {bottoms} top: "t{i}" }}\n'
        tops.append(f"t{i}")
    graph = graph_of(text)
    read = [name for node in graph.nodes for name in node.bottoms]
    assert len(read) == len(set(read))
    origin = {}
    for node in graph.nodes:
        origin.update({top: node.bottoms[0] if node.type == "Split" else top for top in node.tops})
    layers = [node for node in graph.nodes if node.type == "Concat"]
    for node, picks in zip(layers, wiring, strict=True):
        before = ["data", *(f"t{k}" for k in range(len(tops)))]
        index = int(node.name[1:])
        assert [origin[name] for name in node.bottoms] == [before[: index + 1][pick % (index + 1)] for pick in picks]
