"""Where gradients run: what the reference decides in cases that its recorded nets do not hold."""

from __future__ import annotations

import pytest

from pycaffelite.errors import WiringError
from pycaffelite.graph.wiring import build_graph
from pycaffelite.net import Net, build
from pycaffelite.plan import compile_plan
from pycaffelite.schema.reader import parse_net

INPUTS = """
layer { name: "in" type: "Input" top: "data" top: "label" input_param { shape { dim: 4 dim: 3 } shape { dim: 4 } } }
"""
LOSS = 'layer { name: "loss" type: "SoftmaxWithLoss" bottom: "h" bottom: "label" top: "loss" %s }\n'
FROZEN = "param { lr_mult: 0 } "


def net_of(layers: str) -> Net:
    return build(build_graph(parse_net(INPUTS + layers, "net.prototxt")), seed=1)


def flow(net: Net) -> dict[str, tuple[bool, list[bool]]]:
    return {entry.node.name: (entry.needs_backward, entry.wanted) for entry in net.layers[1:]}


def normalized(params: str) -> str:
    return (
        f'layer {{ name: "bn" type: "BatchNorm" bottom: "data" top: "bn" {params} }}\n'
        f'layer {{ name: "h" type: "InnerProduct" bottom: "bn" top: "h" {FROZEN * 2}'
        "inner_product_param { num_output: 3 } }\n" + LOSS % ""
    )


def test_statistics_without_a_param_entry_count_as_learned() -> None:
    net = net_of(normalized(""))
    assert flow(net) == {"bn": (True, [False]), "h": (True, [True]), "loss": (True, [True, False])}
    assert [(item.lr_mult, item.decay_mult) for item in net.learnables] == [(0, 1)] * 5


@pytest.mark.parametrize(("entries", "decay", "learned"), [(1, 1, True), (2, 1, True), (3, 0, False)])
def test_statistics_with_param_entries(entries: int, decay: int, learned: bool) -> None:
    net = net_of(normalized(FROZEN * entries))
    assert [needed for needed, _wanted in flow(net).values()] == [learned] * 3
    assert [(item.lr_mult, item.decay_mult) for item in net.learnables[:3]] == [(0, decay)] * 3


def test_propagate_down_lasts_where_nothing_learns() -> None:
    relu = 'layer { name: "h" type: "ReLU" bottom: "data" top: "h" propagate_down: true }\n'
    net = net_of(relu + LOSS % "propagate_down: false propagate_down: false")
    assert flow(net) == {"h": (False, [True]), "loss": (False, [False, False])}


def test_propagate_down_must_be_there_for_each_bottom() -> None:
    with pytest.raises(WiringError) as error:
        net_of('layer { name: "h" type: "ReLU" bottom: "data" top: "h" propagate_down: true propagate_down: false }')
    assert str(error.value) == (
        "error: net.prototxt:3:1: layer `h` (ReLU): propagate_down does not match the bottoms\n"
        "  expected: no propagate_down, or one for each of the 1 bottoms\n"
        "  got:      2"
    )


def test_labels_get_no_gradient_and_the_backward_pass_says_so() -> None:
    inner = 'layer { name: "h" type: "InnerProduct" bottom: "data" top: "h" inner_product_param { num_output: 3 } }\n'
    plan = compile_plan(net_of(inner + LOSS % "propagate_down: true propagate_down: true"))
    plan.forward()
    with pytest.raises(WiringError) as error:
        plan.backward()
    assert str(error.value) == (
        "error: net.prototxt:4:1: layer `loss` (SoftmaxWithLoss): there is no gradient for bottom 1, `label`\n"
        "  expected: labels, or what nothing learns from\n"
        "  got:      a blob that something below learns from, or propagate_down: true\n"
        "\n"
        "hint: write `propagate_down: true propagate_down: false` in this layer to learn nothing from it"
    )


def test_no_gradient_is_asked_for_below_what_is_constant() -> None:
    layers = """
    layer { name: "conv" type: "InnerProduct" bottom: "data" top: "map" inner_product_param { num_output: 2 axis: 1 } }
    layer { name: "flat" type: "Reshape" bottom: "map" top: "square"
            reshape_param { shape { dim: 1 dim: 1 dim: 4 dim: 2 } } }
    layer { name: "prior" type: "PriorBox" bottom: "square" bottom: "data" top: "prior"
            prior_box_param { min_size: 2 img_size: 8 } }
    layer { name: "loss" type: "Reduction" bottom: "prior" top: "loss" loss_weight: 1 }
    """
    assert not any(needed for needed, _wanted in flow(net_of(layers)).values())


def test_a_mask_or_a_region_is_taken_as_given() -> None:
    net = net_of(
        """
        layer { name: "image" type: "Input" top: "image" input_param { shape { dim: 1 dim: 1 dim: 4 dim: 4 } } }
        layer { name: "c" type: "Convolution" bottom: "image" top: "c"
          convolution_param { num_output: 1 kernel_size: 1 } }
        layer { name: "p" type: "Pooling" bottom: "c" top: "p" top: "mask" pooling_param { kernel_size: 2 stride: 2 } }
        layer { name: "u" type: "Upsample" bottom: "p" bottom: "mask" top: "u" }
        layer { name: "rois" type: "InnerProduct" bottom: "p" top: "rois" inner_product_param { num_output: 5 } }
        layer { name: "r" type: "ROIPooling" bottom: "u" bottom: "rois" top: "r" propagate_down: true
          propagate_down: true roi_pooling_param { pooled_h: 1 pooled_w: 1 } }
        layer { name: "l" type: "Reduction" bottom: "r" top: "l" loss_weight: 1 }
        """
    )
    found = flow(net)
    assert found["u"] == found["r"] == (True, [True, False])
    assert found["rois"] == (False, [False])
    plan = compile_plan(net)
    plan.forward()
    plan.backward()
