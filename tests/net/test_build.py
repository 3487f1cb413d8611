from __future__ import annotations

import numpy as np
import pytest

from pycaffelite.errors import PycaffeliteError, ShapeError, WiringError
from pycaffelite.graph.wiring import build_graph
from pycaffelite.net import build, infer_shapes, memory
from pycaffelite.net.memory import needed_bytes
from pycaffelite.plan import compile_plan
from pycaffelite.schema.reader import parse_net

NET = """
layer { name: "in" type: "Input" top: "data" input_param { shape { dim: 4 dim: 3 } } }
layer { name: "label" type: "Input" top: "label" input_param { shape { dim: 4 } } }
layer { name: "a" type: "InnerProduct" bottom: "data" top: "a" %s
  inner_product_param { num_output: 5 weight_filler { type: "xavier" } } }
layer { name: "b" type: "InnerProduct" bottom: "a" top: "b" %s
  inner_product_param { num_output: 5 weight_filler { type: "xavier" } } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "b" bottom: "label" top: "loss" }
"""


def graph_of(text: str, phase: str = "TRAIN"):
    return build_graph(parse_net(text, "net.prototxt"), phase)


def test_the_same_seed_gives_the_same_parameters_and_another_seed_others() -> None:
    graph = graph_of(NET % ("", ""))
    first, again, other = (build(graph, seed=seed) for seed in (7, 7, 8))
    for name in ("a", "b"):
        weights = [net.params[name][0].data for net in (first, again, other)]
        assert np.array_equal(weights[0], weights[1])
        assert not np.array_equal(weights[0], weights[2])


def test_adding_a_layer_does_not_change_the_numbers_of_the_others() -> None:
    extra = 'layer { name: "x" type: "InnerProduct" bottom: "data" top: "x" inner_product_param { num_output: 2 } }'
    plain, longer = build(graph_of(NET % ("", "")), seed=7), build(graph_of(NET % ("", "") + extra), seed=7)
    assert np.array_equal(plain.params["b"][0].data, longer.params["b"][0].data)


def test_a_test_net_uses_the_parameters_of_the_train_net() -> None:
    train = build(graph_of(NET % ("", "")), seed=7)
    test = build(graph_of(NET % ("", ""), "TEST"), seed=9, share=train)
    assert test.params["a"][0] is train.params["a"][0]
    smaller = NET.replace("num_output: 5", "num_output: 4") % ("", "")
    with pytest.raises(ShapeError) as caught:
        build(graph_of(smaller, "TEST"), share=train)
    assert str(caught.value) == (
        "error: net.prototxt:4:1: layer `a` (InnerProduct): parameters cannot be shared with the training net\n"
        "  expected: 5x3, 5, as in the training net\n"
        "  got:      4x3, 4\n"
        "\n"
        "hint: the layer must be of the same size in both phases, or have another name"
    )


def test_layers_share_a_parameter_by_name() -> None:
    square = NET.replace("dim: 3", "dim: 5")
    net = build(graph_of(square % ('param { name: "w" }', 'param { name: "w" lr_mult: 3 }')), seed=1)
    assert net.params["a"][0] is net.params["b"][0]
    assert [(item.name, item.lr_mult) for item in net.learnables] == [("a/0", 3), ("a/1", 1), ("b/1", 1)]
    plan = compile_plan(net)
    net.blobs["data"].data[...] = 1
    plan.forward()
    plan.backward()
    shared = net.params["a"][0].diff.copy()
    assert np.abs(shared).max() > 0


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        ('param { name: "w" }', 'param { name: "w" }', "parameter `w` cannot be shared"),
        (
            'param { name: "w" lr_mult: 1 } param { name: "v" }',
            'param { } param { name: "v" lr_mult: 2 } param { }',
            "too many",
        ),
        (
            'param { } param { name: "v" lr_mult: 1 }',
            'param { } param { name: "v" lr_mult: 2 }',
            "with another lr_mult",
        ),
    ],
)
def test_sharing_errors(first: str, second: str, message: str) -> None:
    with pytest.raises(PycaffeliteError, match=message):
        build(graph_of(NET % (first, second)))


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        (
            'layer { name: "c" type: "Eltwise" bottom: "data" top: "c" }',
            "error: net.prototxt:9:1: layer `c` (Eltwise): wrong number of bottoms\n"
            "  expected: at least 2 bottoms\n"
            "  got:      1: `data`\n"
            "\n"
            "hint: `pycaffelite layers Eltwise` shows what its bottoms mean",
        ),
        (
            'layer { name: "c" type: "ReLU" bottom: "data" }',
            "error: net.prototxt:9:1: layer `c` (ReLU): wrong number of tops\n"
            "  expected: 1 top\n"
            "  got:      0\n"
            "\n"
            "hint: `pycaffelite layers ReLU` shows what its tops mean",
        ),
        (
            'layer { name: "c" type: "InnerProduct" bottom: "data" top: "data" inner_product_param { num_output: 3 } }',
            "error: net.prototxt:9:1: layer `c` (InnerProduct): this layer cannot work in place\n"
            "  expected: a top of another name than every bottom\n"
            "  got:      `data` as bottom and as top\n"
            "\n"
            "hint: rename the top, and the bottoms below that read `data`",
        ),
        (
            'layer { name: "c" type: "Silense" bottom: "data" top: "c" }',
            "error: net.prototxt:9:1: layer `c` (Silense): unknown layer type\n"
            "  expected: one of the types that `pycaffelite layers` lists\n"
            "  got:      `Silense`\n"
            "\n"
            "hint: did you mean `Silence`?; a type of your own is plugged in with `--layers my_layers.py`",
        ),
        (
            'layer { name: "c" type: "Correlation" bottom: "data" top: "c" }',
            "error: net.prototxt:9:1: layer `c` (Correlation): this layer type of a fork does not run here\n"
            "  expected: one of the types that `pycaffelite layers` lists\n"
            "  got:      `Correlation`, of lmb-freiburg/flownet2\n"
            "\n"
            "hint: a type of your own is plugged in with `--layers my_layers.py`",
        ),
        (
            'layer { name: "c" type: "ReLU" bottom: "data" top: "c" loss_weight: 1 loss_weight: 2 }',
            "error: net.prototxt:9:1: layer `c` (ReLU): loss_weight does not match the tops\n"
            "  expected: no loss_weight, or one for each of the 1 tops\n"
            "  got:      2",
        ),
    ],
    ids=["bottoms", "tops", "in place", "type", "type of a fork", "loss_weight"],
)
def test_a_layer_that_does_not_fit_is_named_with_its_line(layer: str, expected: str) -> None:
    one_reader = 'layer { name: "in" type: "Input" top: "data" input_param { shape { dim: 4 dim: 3 } } }'
    with pytest.raises(PycaffeliteError if " layer type" in expected else WiringError) as caught:
        build(graph_of(one_reader + "\n" * 8 + layer))
    assert str(caught.value) == expected


def test_shapes_are_inferred_without_memory() -> None:
    huge = NET.replace("num_output: 5", "num_output: 40000") % ("", "")
    shapes = infer_shapes(graph_of(huge))
    assert shapes[2].layout.tops == [(4, 40_000)]
    assert needed_bytes(shapes, np.float32, diffs=True) > 12e9


def test_a_net_that_cannot_fit_says_which_blobs_are_the_largest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "available_bytes", lambda: 1024)
    with pytest.raises(ShapeError) as caught:
        build(graph_of(NET.replace("num_output: 5", "num_output: 500") % ("", "")))
    assert str(caught.value) == (
        "error: the net does not fit into memory\n"
        "  expected: at most 1 KiB, which this process can have\n"
        "  got:      1 MiB; the largest: parameter 0 of `b` 500x500 (1 MiB), blob `a` 4x500 (15 KiB), "
        "blob `b` 4x500 (15 KiB)\n"
        "\n"
        "hint: lower the num_output of the layers named above; no batch is small enough"
    )


def test_a_resized_input_reshapes_the_whole_net() -> None:
    net = build(graph_of(NET % ("", "")), seed=1)
    plan = compile_plan(net)
    net.blobs["data"].resize((9, 3))
    net.blobs["label"].resize((9,))
    plan.forward()
    plan.backward()
    assert net.blobs["b"].shape == (9, 5)
    assert net.blobs["a"].diff.shape == (9, 5)
    net.blobs["data"].resize((9, 4))
    with pytest.raises(ShapeError, match="does not fit the layer's parameters"):
        plan.forward()


def test_a_layer_that_states_a_phase_runs_in_it() -> None:
    text = """
    layer { name: "in" type: "Input" top: "x" input_param { shape { dim: 4 dim: 3 } } }
    layer { name: "a" type: "BatchNorm" bottom: "x" top: "a" phase: TEST }
    layer { name: "b" type: "BatchNorm" bottom: "a" top: "b" }
    """
    net = build(graph_of(text))
    assert [entry.layer.context.phase for entry in net.layers] == ["TRAIN", "TEST", "TRAIN"]
    net.blobs["x"].data[...] = np.arange(12).reshape(4, 3)
    compile_plan(net).forward()
    assert [float(net.params[name][2].data[0]) for name in ("a", "b")] == [0, 1]


def test_constants_are_there_before_the_first_pass_and_may_be_overwritten() -> None:
    text = """layer { name: "d" type: "DummyData" top: "x" top: "y" dummy_data_param {
      shape { dim: 2 } data_filler { value: 3 } data_filler { type: "uniform" min: 1 max: 2 } } }"""
    net = build(graph_of(text))
    assert net.blobs["x"].data.tolist() == [3, 3]
    assert net.blobs["y"].data.tolist() == [0, 0]
    net.blobs["x"].data[...] = 5
    compile_plan(net).forward()
    assert net.blobs["x"].data.tolist() == [5, 5]
    assert net.blobs["y"].data.min() >= 1
