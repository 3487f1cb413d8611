"""The shapes of a net, also where a layer is refused."""

from __future__ import annotations

import pytest

from pycaffelite.report.check.text import render
from pycaffelite.report.tables import plain

from .conftest import NET, check, said


def test_a_net_whose_data_is_elsewhere() -> None:
    report = check(NET)
    assert (report.kind, report.dialect, report.status) == ("net", "current", "ok")
    assert said(report, "note") == [
        (2, "layer `data` (Data): the data source does not exist; its shapes are assumed"),
        (4, "layer `data` (Data): the data source does not exist; its shapes are assumed"),
    ]
    train, test = report.phases["TRAIN"], report.phases["TEST"]
    assert {layer.name: layer.tops for layer in train.layers} == {
        "data": {"data": (4, 3, 8, 8), "label": (4,)},
        "conv": {"conv": (4, 6, 6, 6)},
        "ip": {"ip": (4, 2)},
        "loss": {"loss": ()},
    }
    assert train.assumed == {
        "data": "from crop_size, three channels",
        "label": "one label for each record",
    }
    assert [layer.params for layer in train.layers] == [[], [(6, 3, 3, 3), (6,)], [(2, 216), (2,)], []]
    assert (train.parameters, train.macs) == (6 * 27 + 6 + 432 + 2, 4 * (6 * 36 * 27 + 432))
    assert test.layers[0].tops["data"] == (5, 3, 8, 8)
    assert report.stages == {"score": ["acc"]}
    assert report.sources == [("data", "train_lmdb", False), ("data", "test_lmdb", False)]


def test_splits_are_listed_as_caffe_lists_them() -> None:
    report = check(NET, stages=("score",), phases=("TEST",))
    names = [layer.name for layer in report.phases["TEST"].layers]
    assert names == ["data", "label_data_1_split", "conv", "ip", "ip_ip_0_split", "acc", "loss"]
    assert report.phases["TEST"].outputs == ["acc", "loss"]


def test_layers_that_cannot_run() -> None:
    text = """layer { name: "in" type: "Input" top: "x" input_param { shape { dim: 2 dim: 4 } } }
layer { name: "a" type: "Wobble" bottom: "x" top: "a" }
layer { name: "b" type: "ReLU" bottom: "a" top: "b" }
layer { name: "c" type: "TanH" bottom: "x" top: "c" }
layer { name: "d" type: "Wobble" bottom: "c" top: "c" }
"""
    report = check(text)
    assert report.status == "unsupported"
    assert report.phases["TEST"].layers[-1].tops == {"c": (2, 4)}, "in place"
    assert [line for line, _ in said(report, "unsupported")] == [2, 5]
    tops = {layer.name: layer.tops for layer in report.phases["TEST"].layers}
    assert (tops["a"], tops["b"], tops["c"]) == ({"a": None}, {"b": None}, {"c": (2, 4)})
    assert check(text, skip_unknown=True).status == "warnings"
    told = check(text, skip_unknown=True, shapes={"a": (2, 9)}).phases["TEST"]
    assert {layer.name: layer.tops for layer in told.layers}["b"] == {"b": (2, 9)}
    assert told.assumed == {"a": "--input-shape"}
    assert "without the layers whose shapes are not known (?)" in plain(render(report, with_table=True))


@pytest.mark.parametrize(
    "fork",
    [
        'layer { name: "f" type: "MergeCrop" bottom: "x" top: "f" }',
        'layer { name: "f" type: "Reverse" bottom: "x" top: "f" }',
        'layer { name: "f" type: "ReLU" bottom: "x" top: "f" wobble_param { } }',
        'layer { name: "f" type: "Pooling" bottom: "x" top: "f" pooling_param { pool: MIN kernel_size: 1 } }',
    ],
)
def test_what_a_layer_refuses_in_a_net_of_a_fork_is_unsupported(fork):
    inputs = 'layer { name: "in" type: "Input" top: "x" input_param { shape { dim: 2 dim: 4 dim: 3 dim: 3 } } }\n'
    misfit = 'layer { name: "b" type: "Eltwise" bottom: "x" bottom: "y" top: "b" }\n'
    other = 'layer { name: "other" type: "Input" top: "y" input_param { shape { dim: 2 dim: 4 } } }\n'
    assert check(inputs + fork).status in ("unsupported", "warnings")
    assert check(inputs + other + misfit).status == "errors"
    if "MIN" not in fork:
        assert check(inputs + other + misfit + fork).status == "unsupported"


def test_shapes_behind_a_layer_that_cannot_work_in_place():
    text = (
        'layer { name: "in" type: "Input" top: "x" input_param { shape { dim: 1 dim: 2 dim: 4 dim: 4 } } }'
        'layer { name: "p" type: "Pooling" bottom: "x" top: "x" pooling_param { kernel_size: 2 stride: 2 } }'
        'layer { name: "r" type: "ReLU" bottom: "x" top: "y" }'
    )
    report = check(text)
    assert report.status == "unsupported"
    assert [layer.tops for layer in report.phases["TEST"].layers[1:]] == [{"x": (1, 2, 2, 2)}, {"y": (1, 2, 2, 2)}]


@pytest.mark.parametrize(
    ("text", "tops"),
    [
        (
            'layer { name: "d" type: "Data" top: "x" top: "y" top: "z" data_param { batch_size: 2 } '
            "transform_param { crop_size: 5 } }",
            {"x": (2, 3, 5, 5), "y": (2,), "z": (2,)},
        ),
        (
            'layer { name: "d" type: "Data" top: "x" top: "y" data_param { } transform_param { crop_size: 5 } }',
            {"x": (1, 3, 5, 5), "y": (1,)},
        ),
        (
            'input: "x" input_shape { dim: 1 dim: 2 dim: 4 dim: 4 dim: 4 }'
            'layer { name: "p" type: "Pooling" bottom: "x" top: "y" pooling_param { kernel_size: 2 } }',
            {"y": None},
        ),
        (
            'input: "x" input: "t" input: "w" input_shape { dim: 2 } input_shape { dim: 2 } input_shape { dim: 2 }'
            'layer { name: "l" type: "EuclideanLoss" bottom: "x" bottom: "t" bottom: "w" top: "y" }',
            {"y": None},
        ),
    ],
)
def test_what_other_caffes_may_take_is_unsupported(text, tops):
    report = check(text)
    assert report.status == "unsupported"
    assert report.phases["TRAIN"].layers[-1].tops == tops


def test_shapes_that_caffe_gives_although_a_window_is_empty():
    text = (
        'input: "x" input_shape { dim: 1 dim: 2 dim: 4 dim: 3 }'
        'layer { name: "p" type: "Pooling" bottom: "x" top: "y" top: "m" pooling_param { kernel_size: 1 stride: 2 } }'
        'layer { name: "r" type: "ReLU" bottom: "y" top: "z" }'
    )
    report = check(text)
    assert report.status == "unsupported"
    tops = [layer.tops for layer in report.phases["TEST"].layers[1:]]
    assert tops == [{"y": (1, 2, 3, 2), "m": (1, 2, 3, 2)}, {"z": (1, 2, 3, 2)}]
    assert check(text.replace("kernel_size: 1", "kernel_size: 9")).status == "errors"


def test_a_convolution_without_outputs_has_the_shape_that_caffe_gives_it():
    text = (
        'input: "x" input_shape { dim: 1 dim: 2 dim: 4 dim: 3 }'
        'layer { name: "c" type: "Convolution" bottom: "x" top: "y"'
        " convolution_param { num_output: 5 kernel_h: 5 kernel_w: 3 } }"
        'layer { name: "r" type: "ReLU" bottom: "y" top: "z" }'
    )
    report = check(text)
    assert report.status == "unsupported"
    tops = [layer.tops for layer in report.phases["TEST"].layers[1:]]
    assert tops == [{"y": (1, 5, 0, 1)}, {"z": (1, 5, 0, 1)}]
    assert check(text.replace("kernel_h: 5", "kernel_h: 6")).status == "errors"
