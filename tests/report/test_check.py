from __future__ import annotations

import json
from pathlib import Path

import pytest

from pycaffelite.api import load_net
from pycaffelite.report.check import FileReport, Settings, check_files
from pycaffelite.report.check import text as check_text
from pycaffelite.report.check.text import render, to_record
from pycaffelite.report.json_text import to_json
from pycaffelite.report.tables import plain
from pycaffelite.snapshot import load_weights, save_weights

NET = """name: "tiny"
layer { name: "data" type: "Data" top: "data" top: "label" include { phase: TRAIN }
  transform_param { crop_size: 8 } data_param { source: "train_lmdb" batch_size: 4 backend: LMDB } }
layer { name: "data" type: "Data" top: "data" top: "label" include { phase: TEST }
  transform_param { crop_size: 8 } data_param { source: "test_lmdb" batch_size: 5 backend: LMDB } }
layer { name: "conv" type: "Convolution" bottom: "data" top: "conv" convolution_param { num_output: 6 kernel_size: 3 } }
layer { name: "ip" type: "InnerProduct" bottom: "conv" top: "ip" inner_product_param { num_output: 2 } }
layer { name: "acc" type: "Accuracy" bottom: "ip" bottom: "label" top: "acc" include { phase: TEST stage: "score" } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "loss" }
"""


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def check(text: str, name: str = "net.prototxt", **settings) -> FileReport:
    Path(name).write_text(text, encoding="utf-8")
    return next(check_files([name], Settings(**settings)))


def said(report: FileReport, severity: str) -> list[tuple[int | None, str]]:
    return [(problem.line, problem.message) for problem in report.problems if problem.severity == severity]


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


@pytest.mark.parametrize(
    ("fields", "asked", "shape", "why"),
    [
        ("transform_param { crop_size: 8 mean_value: 1 mean_value: 2 }", {}, (4, 2, 8, 8), "from mean_value"),
        ("transform_param { crop_size: 8 force_gray: true }", {}, (4, 1, 8, 8), "in grey"),
        ("", {}, (4, 1, 28, 28), "`mnist` in the name"),
        ("", {"data": (3, 9, 7)}, (4, 3, 9, 7), "--input-shape"),
        ("", {"data": (2, 3, 9, 7)}, (2, 3, 9, 7), "--input-shape"),
    ],
)
def test_where_assumed_shapes_come_from(fields: str, asked: dict, shape: tuple, why: str) -> None:
    text = 'layer { name: "d" type: "Data" top: "data" data_param { source: "a/mnist_db" batch_size: 4 } %s }'
    phase = check(text.replace("%s", fields), shapes=asked).phases["TRAIN"]
    assert phase.layers[0].tops == {"data": shape}
    assert why in phase.assumed["data"]


@pytest.mark.parametrize(
    ("layer", "shapes"),
    [
        (
            'type: "VideoData" top: "a" top: "b" '
            'video_data_param { source: "v" use_image: true new_length: 7 crop_size: 5 mean_value: 3 }',
            [(1, 3, 7, 5, 5), (1,)],
        ),
        (
            'type: "ImageSegData" top: "a" top: "b" top: "c" '
            'image_data_param { source: "s" new_height: 8 new_width: 9 }'
            " transform_param { crop_height: 5 crop_width: 6 }",
            [(1, 3, 5, 6), (1, 1, 5, 6), (1, 1, 1, 2)],
        ),
    ],
)
def test_assumed_shapes_of_clips_and_label_maps(layer: str, shapes: list) -> None:
    phase = check(f'layer {{ name: "d" {layer} }}').phases["TRAIN"]
    assert list(phase.layers[0].tops.values()) == shapes


def test_a_misfit_with_assumed_shapes_is_no_error_of_the_file() -> None:
    report = check(NET.replace("kernel_size: 3", "kernel_size: 9"))
    assert report.status == "warnings"
    (line, message), *_ = said(report, "warning")
    assert line == 6
    assert message.startswith("with the assumed shapes: layer `conv` (Convolution): ")
    assert report.problems[0].hint == "state the real ones: --input-shape data=... --input-shape label=..."


def test_every_problem_is_told_with_its_line() -> None:
    text = """layer { name: "in" type: "Input" top: "x" input_param { shape { dim: 2 dim: 4 } } }
layer { name: "a" type: "InnerProduct" bottom: "y" top: "a" inner_product_param { num_output: 3 } }
layer { name: "b" type: "Pooling" bottom: "x" top: "b" pooling_param { kernel_size: 5 } }
layer { name: "c" type: "Softmax" bottom: "x" top: "x2" }
layer { name: "d" type: "Eltwise" bottom: "x2" top: "a" }
"""
    report = check(text)
    assert report.status == "errors"
    assert [line for line, _ in said(report, "error")] == [2, 3, 5, 5]
    tops = {layer.name: layer.tops for layer in report.phases["TRAIN"].layers}
    assert tops["c"] == {"x2": (2, 4)}
    assert tops["a"] == {"a": None}


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


def test_what_was_done_about_a_warning_is_told() -> None:
    report = check(
        "layer { name: 'a' type: 'Input' top: 'a' include { phase: VAL } }\nlayer { top: 'b' type: 'Input' }"
    )
    assert said(report, "warning") == [
        (
            1,
            "unknown value of Phase for `phase`; expected TRAIN, TEST; got VAL; "
            'read as `stage: "VAL"`, so this rule holds neither in TRAIN nor in TEST',
        )
    ]
    assert [layer.tops for layer in report.phases["TEST"].layers] == [{"b": None}]


def test_strict_makes_errors_of_warnings() -> None:
    text = NET.replace("kernel_size: 3", "kernel_size: 9")
    assert check(text, strict=True).status == "errors"


def test_a_net_for_one_phase_alone() -> None:
    report = check(
        'layer { name: "in" type: "Input" top: "x" include { phase: TEST } input_param { shape { dim: 2 } } }'
    )
    assert report.status == "ok"
    assert list(report.phases) == ["TEST"]
    nothing = check('layer { name: "in" type: "Input" top: "x" include { stage: "never" } }')
    assert nothing.status == "errors"


@pytest.mark.parametrize(
    ("name", "text", "kind", "status"),
    [
        ("a.prototxt", "", "other", "errors"),
        ("a.prototxt", 'name: "only a name"\n', "net", "errors"),
        ("labels.prototxt", 'item { name: "cat" label: 1 }\n', "other", "ok"),
        ("a_solver.prototxt", 'base_lr: 0.1 lr_policy: "fixed" max_iter: 1 net: "gone.prototxt"\n', "solver", "ok"),
        ("a_solver.prototxt", 'base_lr: 0.1 lr_policy: "stepp" max_iter: 1\n', "solver", "warnings"),
        ("gone.caffemodel", None, "weights", "errors"),
        ("gone.prototxt", None, "other", "errors"),
    ],
)
def test_files_of_every_kind(name: str, text: str | None, kind: str, status: str) -> None:
    if text is not None:
        Path(name).write_text(text)
    report = next(check_files([name], Settings()))
    assert (report.kind, report.status) == (kind, status), report.problems


def test_weights_are_held_against_the_net_before_them() -> None:
    text = """layer { name: "in" type: "Input" top: "x" input_param { shape { dim: 2 dim: 4 } } }
layer { name: "a" type: "InnerProduct" bottom: "x" top: "a" inner_product_param { num_output: 3 } }
layer { name: "b" type: "InnerProduct" bottom: "a" top: "b" inner_product_param { num_output: 2 } }
layer { name: "c" type: "InnerProduct" bottom: "b" top: "c" inner_product_param { num_output: 2 } }
"""
    Path("old.prototxt").write_text(text)
    save_weights(load_net("old.prototxt").net, "old.caffemodel")
    Path("new.prototxt").write_text(
        text.replace('name: "c"', 'name: "new_c"').replace("output: 2 } }", "output: 5 } }", 1)
    )
    _, same, _, other = check_files(["old.prototxt", "old.caffemodel", "new.prototxt", "old.caffemodel"], Settings())
    assert same.status == "ok"
    assert same.fit is not None
    assert same.fit.copied == ["a", "b", "c"]
    assert other.fit is not None
    assert (other.fit.copied, other.fit.ignored) == (["a"], ["c"])
    assert (other.fit.left, other.fit.mismatched) == (["new_c"], ["b"])
    assert other.status == "errors"
    text = plain(render(other, with_table=False))
    assert (
        "layer `b` (InnerProduct): parameter 0 has another shape in old.caffemodel; "
        "expected shape 5x3, as the net has it; got shape 2x3 in the file\n"
    ) in text
    assert "left as filled, not in the file  1: new_c" in text


@pytest.mark.parametrize(("name", "form"), [("w.caffemodel", "binary"), ("w.caffemodel.h5", "HDF5")])
def test_a_layer_that_shares_its_parameters_gets_them_from_their_owner(name: str, form: str) -> None:
    text = """layer { name: "in" type: "Input" top: "x" input_param { shape { dim: 2 dim: 3 } } }
layer { name: "a" type: "InnerProduct" bottom: "x" top: "a" param { name: "w" } inner_product_param { num_output: 3 } }
layer { name: "b" type: "InnerProduct" bottom: "a" top: "b" param { name: "w" } param { name: "c" }
  inner_product_param { num_output: 3 } }
layer { name: "c" type: "InnerProduct" bottom: "b" top: "c" param { name: "w" } param { name: "c" }
  inner_product_param { num_output: 3 } }
"""
    Path("net.prototxt").write_text(text)
    net = load_net("net.prototxt").net
    save_weights(net, name)
    Path(name).rename("weights.caffemodel")  # the form is told by the content
    name = "weights.caffemodel"
    _, report = check_files(["net.prototxt", name], Settings())
    assert report.fit is not None
    assert report.dialect == form
    loaded = load_weights(net, name)
    assert (tuple(report.fit.copied), tuple(report.fit.left)) == (loaded.copied, loaded.left) == (("a", "b", "c"), ())


def test_weights_of_layers_whose_shapes_are_not_known() -> None:
    Path("net.prototxt").write_text(
        """layer { name: "in" type: "Input" top: "x" input_param { shape { dim: 2 dim: 3 } } }
layer { name: "a" type: "InnerProduct" bottom: "x" top: "a" inner_product_param { num_output: 3 } }
layer { name: "b" type: "InnerProduct" bottom: "a" top: "b" inner_product_param { num_output: 3 } }
"""
    )
    save_weights(load_net("net.prototxt").net, "w.caffemodel")
    Path("net.prototxt").write_text(
        Path("net.prototxt").read_text().replace('name: "a" type: "Inner', 'name: "a" type: "My')
    )
    _, report = check_files(["net.prototxt", "w.caffemodel"], Settings())
    assert report.fit is not None
    assert (report.fit.untold, report.fit.copied, report.fit.ignored) == (["a", "b"], [], [])
    assert report.problems == ()
    assert "of layers whose shapes are not known  2: a, b" in plain(render(report, with_table=False))


def test_the_record_of_a_net() -> None:
    record = json.loads(to_json(to_record(check(NET)), indent=None))
    assert list(record)[:7] == ["file", "kind", "dialect", "forks", "status", "problems", "phases"]
    assert set(record["problems"][0]) == {"severity", "line", "message", "hint"}
    phase = record["phases"]["TRAIN"]
    assert set(phase) >= {"inputs", "outputs", "layers", "parameters", "macs", "bytes"}
    conv = phase["layers"][1]
    assert (conv["name"], conv["type"]) == ("conv", "Convolution")
    assert conv["tops"] == {"conv": [4, 6, 6, 6]}
    assert conv["params"] == [[6, 3, 3, 3], [6]]


def test_the_text_of_a_net() -> None:
    text = plain(render(check(NET, stages=("score",)), with_table=True))
    assert text.splitlines()[0] == "net.prototxt: net, current: ok"
    assert "4x3x8x8 (assumed), 4 (assumed)" in text
    assert "phase TEST, where it differs" in text
    assert "only here   acc" in text
    assert "stages      score: acc" in text
    assert "data        data: train_lmdb (not here)" in text


def test_a_net_made_for_one_phase_is_no_error_for_what_the_other_lacks():
    text = (
        'layer { name: "in" type: "Input" top: "x" include { phase: TRAIN } input_param { shape { dim: 2 } } }'
        'layer { name: "relu" type: "ReLU" bottom: "x" top: "y" }'
    )
    report = check(text)
    assert report.status == "ok"
    assert [(problem.severity, problem.message.partition(";")[0]) for problem in report.problems] == [
        ("note", "layer `relu` (ReLU): bottom `x` is not made in phase TEST")
    ]
    assert check(text, phases=("TEST",)).status == "errors"


def test_a_net_that_is_whole_with_a_stage_alone_is_no_error():
    text = (
        'input: "x" input_shape { dim: 2 }\n'
        'layer { name: "a" type: "ReLU" bottom: "x" top: "y" include { stage: "one" } }\n'
        'layer { name: "a" type: "TanH" bottom: "x" top: "y" include { stage: "two" } }\n'
        'layer { name: "b" type: "ReLU" bottom: "y" top: "z" }\n'
    )
    report = check(text)
    assert report.status == "warnings"
    assert [line for line, _ in said(report, "warning")] == [4, 4]
    assert report.problems[0].hint == "the rules of layer `a` (ReLU) at line 2 ask for `--stage one`"
    assert check(text, stages=("two",)).status == "ok"


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


def test_data_of_an_unknown_type_with_a_crop_size():
    text = (
        'layer { name: "d" type: "ListData" top: "data" top: "label" transform_param { crop_size: 7 } list_param { } }'
        'layer { name: "a" type: "ReLU" bottom: "data" top: "a" }'
    )
    layers = check(text).phases["TRAIN"].layers
    assert [layer.tops for layer in layers] == [{"data": (1, 3, 7, 7), "label": (1,)}, {"a": (1, 3, 7, 7)}]


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


def test_a_piece_of_a_net_is_no_error():
    piece = (
        'layer { name: "a" type: "ReLU" bottom: "data" top: "a" }\n'
        'layer { name: "b" type: "ReLU" bottom: "a" top: "b" }\n'
    )
    report = check(piece)
    assert report.status == "unsupported"
    assert [line for line, _ in said(report, "unsupported")] == [1]
    assert [layer.tops for layer in report.phases["TRAIN"].layers] == [{"a": None}, {"b": None}]
    v0 = 'layers { layer { name: "a" type: "relu" } bottom: "data" top: "a" }'
    assert check(v0).status == "unsupported"
    assert len(said(check(v0), "unsupported")) == 1
    assert check(piece + 'layer { name: "in" type: "Input" top: "x" input_param { shape { } } }').status == "errors"


MANY = {
    "layers that nobody closes": "layer {\n" * 3000,
    "pairs of blocks that nobody closes": "layer { pooling_param {\n" * 3000,
    "braces that close nothing": "layer { name: 'a'\n}\n}\n" * 3000,
    "inputs": "input: 'a' input_dim: 2 input_dim: 2 input_dim: 2 input_dim: 2\n" * 3000,
    "options of one layer's blobs": "layers { " + "blobs_lr: 1 " * 3000 + " }",
    "bottoms that are made too late": "layer { bottom: 'a' top: 'b' }\n" * 3000 + "layer { top: 'a' }",
    "bottoms of the other phase": "layer { bottom: 'a' }\n" * 3000 + "layer { top: 'a' include { phase: TEST } }",
    "other names of fields": "".join(f"layer {{ nam{i}: 1 }}\n" for i in range(3000)),
}


@pytest.mark.parametrize("text", MANY.values(), ids=MANY.keys())
def test_thousands_of_the_same_are_told_one_by_one(text: str) -> None:
    """Whoever makes the time of a step grow with the square of these numbers waits for this test."""
    report = check(text)
    assert len(report.problems) >= 3000 or "input" in text or "blobs_lr" in text
    shown = plain(render(report, with_table=False))
    assert shown.count("\n") < 2100  # hints have a line of their own
    if len(report.problems) > 1000:
        assert shown.endswith(f"  and {len(report.problems) - 1000} more, which --json lists\n")


def test_a_table_ends_where_nobody_reads_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check_text, "_MOST_ROWS", 2)
    shown = plain(render(check(NET, phases=("TRAIN",)), with_table=True))
    assert "\nip " not in shown
    assert "\nand 2 more layers, which --json lists\n" in shown


def test_similar_names_are_looked_for_while_slips_are_few() -> None:
    few, many = (
        check("layer { top: 'data' }\n" + "layer { bottom: 'date' }\n" * count, phases=("TRAIN",))
        for count in (100, 101)
    )
    assert [problem.hint for problem in few.problems if "date" in problem.message] == ["did you mean `data`?"] * 100
    hints = [problem.hint for problem in many.problems if "date" in problem.message]
    assert hints == ["did you mean `data`?"] * 100 + ["no layer has a top of this name"]
