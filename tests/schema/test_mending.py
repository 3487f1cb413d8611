"""What the parser reads although it is no text format, and how it goes on behind an error."""

from __future__ import annotations

import pytest

from pycaffelite.errors import FieldError, PrototxtError, PycaffeliteError
from pycaffelite.graph.wiring import build_graph
from pycaffelite.schema import messages
from pycaffelite.schema.notes import Notes
from pycaffelite.schema.problems import Findings, TemplateError, UnknownValueError, strict_problem
from pycaffelite.schema.reader import parse_net
from pycaffelite.schema.text import parse_text


def collect(text):
    problems = []
    message, _ = parse_text(text, messages.NetParameter, "n", problems.append)
    return message, [problem.what for problem in problems]


def test_a_sink_that_keeps_problems_lets_the_parser_go_on():
    message, problems = collect(
        """name: 3
        colour { a: [1, { b: "x" "y" }] } shade: -1 tint [ { a: 1 } ]
        layer { name: "a" name: "b" type: Pooling pooling_param { pool: SUM pad: -1 pad: { x: 1 } stride: [2, 3] } }
        } layer: 5
        layer { phase: TEST"""
    )
    assert problems == [
        "`name` has a value of the wrong kind",
        "unknown field `colour` in NetParameter",
        "unknown field `shade` in NetParameter",
        "unknown field `tint` in NetParameter",
        "`name` is given twice in one `layer`",
        "`type` has a value of the wrong kind",
        "unknown value of PoolMethod for `pool`",
        "number out of range for `pad`",
        "`pad` takes a value, not a block",
        "`stride` takes one value, not a list",
        "stray `}`: every block is already closed",
        "`layer` is a block of fields",
        "the block `layer` that opens here is never closed",
    ]
    layer = {"name": "b", "type": "Pooling", "pooling_param": {"stride": 3}}
    assert message == messages.NetParameter(name="3", layer=[layer, {"phase": messages.TEST}])


def test_a_checker_goes_on_behind_nonsense():
    message, problems = collect("name: ? 3 { layer { name: 'a' ~ top: [1 } name } layer { } ]] <")
    assert problems == [
        "unreadable character",
        "no field can begin here",
        "no field can begin here",
        "unreadable character",
        "`top` has a value of the wrong kind",
        "a list goes on without a comma",
        "no colon after `name`",
        "stray `}`: every block is already closed",
        "no field can begin here",
        "no field can begin here",
        "no field can begin here",
    ]
    assert [layer.name for layer in message.layer] == ["a", ""]


def test_a_text_full_of_nonsense_is_given_up():
    findings = Findings()
    with pytest.raises(PrototxtError, match="no field can begin here"):
        parse_text("3 " * 1000, messages.NetParameter, "n", findings)
    assert len(findings.problems) == 50


WARNINGS = {
    "Name: 'a'": "unknown field `Name` in NetParameter; read as `name`",
    'layer { python_param { param_str: "{\n 1: 2}" } }': "this text goes over several lines; read whole",
    "name: 'a": "this text is not closed on its line; closed at the next blank",
    "name: \u201ca\u201d": "curly quotation marks stand around this text; read as plain ones",
    "layer { name: a/b-c.d }": '`name` has a value of the wrong kind; read as "a/b-c.d"',
    "layer { name: }": "`name` has no value; passed over",
    "layer { name 'a' }": "no colon after `name`; read all the same",
    "layer { name = 'a' }": "no colon after `name`; read all the same",
    "layer { top: 'a',, }": "no field can begin here; passed over",
    "layer { relu_param: }": "`relu_param` is a block of fields; passed over",
    "layer { relu_param { engine: cudnn } }": "unknown value of Engine for `engine`; read as CUDNN",
    "layer { loss_weight: [1 2] }": "a list goes on without a comma; read all the same",
    "// a": "this comment is of another language; passed over",
    "name: 'a' /* b": "this comment is of another language; passed over",
    "force_backward: yes": "`force_backward` has a value of the wrong kind; read as true",
    "layer { concat_param { axis: -1.0 } }": "`axis` has a value of the wrong kind; read as -1",
    "layer { top: 3 }": '`top` has a value of the wrong kind; read as "3"',
    "shade { a: 1 }": "unknown field `shade` in NetParameter; passed over",
    "layer { name: 'a' layer { name: 'b' } }": "the block `layer` that opens here is not closed; closed there",
    r"name: 'C:\data'": r'`name` has a value of the wrong kind; read as "C:\data"',
    "layer { include { phase: VAL } }": (
        'unknown value of Phase for `phase`; read as `stage: "VAL"`, so this rule holds neither in TRAIN nor in TEST'
    ),
    "name: '${X}'": "`name` holds the place holder of a template",
}


@pytest.mark.parametrize("text", WARNINGS)
def test_warning(text):
    findings = Findings()
    parse_text(text, messages.NetParameter, "n", findings)
    notes = Notes()
    for problem in findings.of("warning"):
        notes.keep(problem)
    assert WARNINGS[text] in [note.what for note in notes.summary()]
    with pytest.raises(PycaffeliteError):
        parse_text(text, messages.NetParameter, "n", strict_problem)


@pytest.mark.parametrize(
    "text",
    [
        "{% if x %}",
        "name: {{ x }}",
        "layer { name: $X }",
        "layer { concat_param { axis: %d } }",
        "layer { concat_param { axis: <AXIS> } }",
        "layer { concat_param { axis: {axis} } }",
        "layer { concat_param { axis: AXIS } }",
        "layer { concat_param { axis: @AXIS@ } }",
    ],
)
def test_a_template(text):
    with pytest.raises(TemplateError, match="this is a template, not a prototxt"):
        parse_text(text, messages.NetParameter, "n", Findings())


@pytest.mark.parametrize("form", ["layer", "layers"])
@pytest.mark.parametrize(
    ("rule", "phases"),
    [
        ("include { phase: VAL }", []),
        ("include { phase: VAL } include { phase: TEST }", ["TEST"]),
        ("exclude { phase: VAL }", ["TRAIN", "TEST"]),
        ("exclude { phase: DEPLOY } exclude { phase: TRAIN }", ["TEST"]),
    ],
)
def test_a_rule_for_a_phase_of_a_fork_holds_in_none_of_ours(form, rule, phases):
    layer = "type: 'Input'" if form == "layer" else "type: DUMMY_DATA"
    net = parse_net(f"{form} {{ name: 'a' top: 'a' {layer} {rule} }} {form} {{ name: 'b' top: 'b' {layer} }}")
    found = {phase: [node.name for node in build_graph(net, phase).nodes] for phase in ("TRAIN", "TEST")}
    assert found == {phase: ["a", "b"] if phase in phases else ["b"] for phase in ("TRAIN", "TEST")}
    asked = build_graph(net, "TEST", stages=("VAL",)).nodes
    assert [node.name for node in asked] == (
        ["a", "b"] if "include { phase: VAL" in rule or "DEPLOY" in rule else ["b"]
    )


@pytest.mark.parametrize(
    "text", ["include { phase: TRIAN }", "include { phase: VAL1 phase: 2 }", "exclude { phase: ALL }", "phase: VAL"]
)
def test_other_phases_and_likely_slips_are_errors(text):
    with pytest.raises(UnknownValueError, match="unknown value of Phase"):
        parse_text(f"layer {{ {text} }}", messages.NetParameter)


def test_a_rule_loses_no_condition_with_a_warning():
    for rule in ("phases: TRAIN", "phase: TRAIN, TEST", "TRAIN"):
        with pytest.raises(FieldError, match="unknown field"):
            parse_text(f"layer {{ include {{ {rule} }} }}", messages.NetParameter)
        parse_text(f"layer {{ param {{ {rule} }} }}", messages.NetParameter)
