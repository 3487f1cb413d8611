from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from pycaffelite.graph.wiring import build_graph
from pycaffelite.net import build
from pycaffelite.plan.compile import compile_plan
from pycaffelite.schema.reader import parse_net
from pycaffelite.testing import Case, ErrorCase, LayerContract, LayerRunner, close, layer_text

LEARN = "bn_param { scale_filler { value: 1 } shift_filler { value: 0 } }"
INFERENCE = "bn_param { bn_mode: INFERENCE }"
PARAMS = [
    np.array([2.0, -1.0, 0.5]),
    np.array([1.0, 0.0, -3.0]),
    np.array([0.5, 1.0, -2.0]),
    np.array([2.0, 0.25, 1.0]),
]


def column(vector, x):
    return np.reshape(vector, (1, -1) + (1,) * (x.ndim - 2))


def by_batch(bottoms, params, eps=1e-5, tops=1):
    x = bottoms[0]
    axes = (0, *range(2, x.ndim))
    mean, variance = x.mean(axes), x.var(axes)
    normalized = (x - column(mean, x)) / np.sqrt(column(variance, x) + float(np.float32(eps)))
    y = normalized * column(params[0], x) + column(params[1], x)
    return [y, mean.reshape(1, -1, 1, 1), variance.reshape(1, -1, 1, 1)][:tops]


def by_params(bottoms, params, eps=1e-5):
    x = bottoms[0]
    slope, bias, mean, variance = (column(param, x) for param in params)
    return (x - mean) / np.sqrt(variance + float(np.float32(eps))) * slope + bias


def without_statistics(bottoms, params):
    return bottoms[0] * column(params[0], bottoms[0]) + column(params[1], bottoms[0])


class TestBN(LayerContract):
    type_name = "BN"
    cases = {
        "train": Case(params=PARAMS, oracle=by_batch),
        "train_matrix": Case("bn_param { eps: 0.01 momentum: 0.5 }", [(6, 3)], oracle=partial(by_batch, eps=0.01)),
        "train_random": Case(bottoms=[(3, 2, 5)]),
        "frozen": Case("bn_param { frozen: true }", params=PARAMS, oracle=by_params),
        "test": Case(params=PARAMS, phase="TEST", oracle=by_params),
        "early": Case(
            "bn_param { eps: 0.01 moving_average: false }",
            params=PARAMS[:2],
            phase="TEST",
            oracle=partial(by_batch, eps=0.01),
        ),
        "segnet": Case(LEARN, params=PARAMS[:2], oracle=partial(by_batch, eps=1e-9)),
        "segnet_test": Case(LEARN, params=PARAMS[:2], phase="TEST", oracle=partial(by_batch, eps=1e-9)),
        "segnet_statistics": Case(
            LEARN, [(4, 3, 2)], tops=3, top_diffs=[None, 0, 0], oracle=partial(by_batch, eps=1e-9, tops=3)
        ),
        "segnet_inference": Case(INFERENCE, params=PARAMS[:2], oracle=without_statistics),
        "ctpn": Case("bn_param { var_eps: 0.001 }", params=PARAMS, oracle=partial(by_batch, eps=1e-3)),
        "ctpn_test": Case("bn_param { decay: 0.1 }", params=PARAMS, phase="TEST", oracle=partial(by_batch, eps=1e-10)),
        "ctpn_remembered": Case(
            "bn_param { moving_average: true }", params=PARAMS, phase="TEST", oracle=partial(by_params, eps=1e-10)
        ),
    }
    errors = {
        "two_kinds": ErrorCase(
            "bn_param { slope_filler { } bn_mode: LEARN }",
            message="""
            error: fields of two kinds of BN
              expected: `slope_filler`, `bias_filler`, `momentum`, `eps`, `frozen`, or `scale_filler`, `shift_filler`, `bn_mode`, `var_eps`, `decay`, `moving_average`
              got:      `bn_mode`, `slope_filler`
            """,  # noqa: E501
        ),
        "a_vector": ErrorCase(
            bottoms=[(3,)],
            message="""
            error: BN needs channels
              expected: a bottom of at least two axes
              got:      bottom of shape 3
            """,
        ),
        "nothing": ErrorCase(
            bottoms=[(0, 3)],
            message="""
            error: there is nothing to take statistics of
              expected: a bottom of at least two axes and one element
              got:      bottom of shape 0x3
            """,
        ),
        "no_statistics": ErrorCase(
            INFERENCE,
            tops=2,
            message="""
            error: there are no statistics of a batch for more tops
              expected: 1 top
              got:      2 tops
            """,
        ),
    }


def layouts(fields, phase="TRAIN"):
    layer = LayerRunner(layer_text("BN", fields), [(4, 3, 1, 1)], phase).layer
    return [
        (param.shape, param.lr_mult, param.filler and param.filler.value) for param in layer.layout([(4, 3)]).params
    ]


def test_the_manner_decides_what_parameters_there_are():
    four = (1, 3, 1, 1)
    assert layouts(LEARN) == [(four, 1, 1), (four, 1, 0)]
    assert layouts(INFERENCE) == [(four, 1, 0)] * 2
    assert layouts("bn_param { decay: 0.1 }") == [(four, 1, 0)] * 2 + [(four, 0, None)] * 2
    assert layouts("bn_param { engine: CUDNN }") == [((1, 3), 1, 0)] * 2 + [((1, 3), 0, None)] * 2
    assert layouts("bn_param { eps: 0.1 moving_average: true }") == layouts("bn_param { eps: 0.1 }")
    assert layouts("bn_param { eps: 0.1 moving_average: false }") == [((1, 3), 1, 0)] * 2
    frozen = "bn_param { frozen: true slope_filler { value: 1 } }"
    assert layouts(frozen) == [((1, 3), 0, 1), ((1, 3), 0, 0), ((1, 3), 0, None), ((1, 3), 0, 1)]


@pytest.mark.parametrize(
    ("fields", "kept"), [("bn_param { momentum: 0.25 }", 0.25), ("bn_param { decay: 0.25 }", 0.75)]
)
def test_statistics_are_remembered_in_training_alone(fields, kept):
    runner = LayerRunner(layer_text("BN", fields), [(4, 3, 2)], params=PARAMS)
    x = runner.inputs[0]
    runner.forward()
    mean, variance = (blob.data.reshape(-1) for blob in runner.layer.params[2:])
    close(mean, kept * PARAMS[2] + (1 - kept) * x.mean((0, 2)), 1e-13, "mean")
    close(variance, kept * PARAMS[3] + (1 - kept) * x.var((0, 2)), 1e-13, "variance")
    for text, phase in ((fields, "TEST"), ("bn_param { frozen: true }", "TRAIN")):
        other = LayerRunner(layer_text("BN", text), [(4, 3, 2)], phase, params=PARAMS)
        other.forward()
        np.testing.assert_array_equal(other.layer.params[2].data.reshape(-1), PARAMS[2])


def test_the_gradient_survives_a_layer_that_overwrites_the_top():
    for fields in ("", INFERENCE):
        results = []
        for overwritten in (False, True):
            runner = LayerRunner(layer_text("BN", fields, in_place=True), [(4, 3)])
            runner.forward()
            if overwritten:
                runner.top[0].data[...] = 9
            results.append([*runner.backward(), runner.layer.params[0].diff.copy()])
        for first, second in zip(*results, strict=True):
            np.testing.assert_array_equal(first, second)


NET = """
layer { name: "in" type: "Input" top: "x" input_param { shape { dim: 2 dim: 3 dim: 5 dim: 5 } } }
layer { name: "conv" type: "Convolution" bottom: "x" top: "y"
  convolution_param { num_output: 4 kernel_size: 3 weight_filler { type: "gaussian" } } }
layer { name: "bn" type: "BN" bottom: "y" top: "y"
  param { lr_mult: 1 } param { lr_mult: 2 } param { lr_mult: 1 } param { lr_mult: 1 } %s }
"""


def test_a_prototxt_cannot_make_statistics_learn():
    learnables = build(build_graph(parse_net(NET % ""))).learnables[2:]
    assert [learnable.lr_mult for learnable in learnables] == [1, 2, 0, 0]


@pytest.mark.parametrize("fields", ["", INFERENCE])
def test_the_layer_before_it_does_its_work_in_testing(fields):
    text = NET % fields if not fields else NET.replace(" param { lr_mult: 1 } param { lr_mult: 1 }", "") % fields
    net = build(build_graph(parse_net(text), phase="TEST"), dtype=np.float64, seed=1)
    random = np.random.default_rng(0)
    for blob in net.params["bn"]:
        blob.data[...] = random.uniform(0.5, 2, blob.shape)
    net.blobs["x"].data[...] = random.standard_normal(net.blobs["x"].shape)
    compile_plan(net, forward_only=True).forward()
    fused = net.blobs["y"].data.copy()
    for entry in net.layers:
        entry.layer.forward(entry.bottoms, entry.tops)
    close(fused, net.blobs["y"].data, 1e-12, "y")


def test_frozen_it_is_folded_in_training_too():
    data = 'dummy_data_param { data_filler { type: "gaussian" }'
    text = (NET % "bn_param { frozen: true }").replace('"Input"', '"DummyData"').replace("input_param {", data)
    text += """
    layer { name: "t" type: "DummyData" top: "t" dummy_data_param { shape { dim: 2 dim: 4 dim: 3 dim: 3 } } }
    layer { name: "l" type: "EuclideanLoss" bottom: "y" bottom: "t" }
    """
    results = []
    for naive in (True, False):
        net = build(build_graph(parse_net(text)), seed=1)
        random = np.random.default_rng(0)
        for blob in net.params["bn"]:
            blob.data[...] = random.uniform(0.5, 2, blob.shape)
        plan = compile_plan(net, naive=naive)
        results.append([plan.forward()])
        plan.backward()
        results[-1] += [blob.diff.copy() for blob in net.params["conv"]]
        joined = [len(step.layers) for step in plan.forward_steps]
        assert max(joined) == (1 if naive else 2)
    for ours, truth in zip(*results, strict=True):
        np.testing.assert_allclose(ours, truth, rtol=1e-4, atol=1e-5)
