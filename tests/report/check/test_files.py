"""What a file is, and how bad its problems are."""

from __future__ import annotations

from pathlib import Path

import pytest

from pycaffelite.report.check import Settings, check_files

from .conftest import NET, check, said


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
