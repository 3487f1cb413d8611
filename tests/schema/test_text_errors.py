"""The exact words of the parser's errors."""

from __future__ import annotations

import pytest

from pycaffelite.errors import FieldError, PrototxtError, PycaffeliteError
from pycaffelite.schema import messages
from pycaffelite.schema.notes import Notes
from pycaffelite.schema.problems import Findings, TemplateError, strict_problem
from pycaffelite.schema.text import parse_text

LECTURE = """layers {
  name: "ip2"
  inner_product_param {
    num_output: 10
 }
}
layers {
  name: "loss"
}
}
"""

CASES = {
    "the stray brace of the lecture": (
        LECTURE,
        """error: net.prototxt:10:1: stray `}`: every block is already closed
  expected: the end of the file
  got:      one more `}` after the one on line 9, which closed `layers` (opened on line 7)

hint: delete line 10; then the file reads to its end""",
    ),
    "a stray brace before other layers": (
        "layer { } }\nlayer { }",
        """error: net.prototxt:1:11: stray `}`: every block is already closed
  expected: a field, or the end of the file
  got:      one more `}` after the one on line 1, which closed `layer` (opened on line 1)

hint: delete this `}`, or look for a block before it that is closed too early""",
    ),
    "nothing but a brace": (
        "\n}",
        """error: net.prototxt:2:1: stray `}`: every block is already closed
  expected: the end of the file
  got:      a `}` although no block was opened before it

hint: delete line 2; then the file reads to its end""",
    ),
    "a missing brace": (
        'name: "n"\nlayer {\n  pooling_param { pad: 1 }\n',
        """error: net.prototxt:2:1: the block `layer` that opens here is never closed
  expected: a `}` for it
  got:      the end of the file (line 4)

hint: the file may be cut off, or a closing brace is missing in this block or in one before it""",
    ),
    "the wrong brace": (
        'layer <\n  name: "a" }',
        """error: net.prototxt:2:13: no field can begin here
  expected: a field of `layer`, or its closing `>`
  got:      `}`

hint: `layer` was opened on line 1 and closes with `>`""",
    ),
    "a misspelt field": (
        "layer { pooling_param { kernal_size: 3 } }",
        """error: net.prototxt:1:25: unknown field `kernal_size` in `pooling_param` (PoolingParameter)

hint: did you mean `kernel_size`, `kernel_w` or `kernel_h`?""",
    ),
    "a field that only the block outside has": (
        'layer {\n  pooling_param {\n    pad: 1\n  bottom: "a"\n}',
        """error: net.prototxt:4:3: unknown field `bottom` in `pooling_param` (PoolingParameter)

hint: `bottom` is a field of `layer`; is the closing brace of `pooling_param`, opened on line 2, missing before it?""",
    ),
    "a layer in a layer": (
        "layer {\nlayer {",
        """error: net.prototxt:1:1: the block `layer` that opens here is not closed
  expected: a `}` for it before line 2
  got:      `layer` on line 2, which cannot stand inside it""",
    ),
    "a field that belongs further in": (
        "layer { dropout_ratio: 0.5 }",
        """error: net.prototxt:1:9: unknown field `dropout_ratio` in `layer` (LayerParameter)

hint: `dropout_ratio` belongs inside `dropout_param`""",
    ),
    "a field that belongs into many blocks": (
        "layer { num_output: 5 }",
        """error: net.prototxt:1:9: unknown field `num_output` in `layer` (LayerParameter)

hint: `num_output` belongs inside `convolution_param`, `inner_product_param`, `embed_param`, ...""",
    ),
    "a misspelt field that belongs further in": (
        "layer { dropout_ration: 0.5 }",
        """error: net.prototxt:1:9: unknown field `dropout_ration` in `layer` (LayerParameter)

hint: did you mean `dropout_param`?""",
    ),
    "a solver": (
        "base_lr: 0.01",
        """error: net.prototxt:1:1: unknown field `base_lr` in NetParameter

hint: `base_lr` is a field of a solver; is this file a solver?""",
    ),
    "a misspelt enum value": (
        "layer { data_param { backend: LEVELBD } }",
        """error: net.prototxt:1:31: unknown value of DB for `backend`
  expected: LEVELDB, LMDB
  got:      LEVELBD

hint: did you mean `LEVELDB`?""",
    ),
    "a number that is no enum value": (
        "layer { pooling_param { pool: 99 } }",
        """error: net.prototxt:1:31: unknown value of PoolMethod for `pool`
  expected: MAX, AVE, STOCHASTIC
  got:      99""",
    ),
    "an enum value in quotes": (
        'layer { pooling_param { pool: "AVE" } }',
        """error: net.prototxt:1:31: `pool` has a value of the wrong kind
  expected: MAX, AVE, STOCHASTIC
  got:      "AVE"

hint: write AVE without the quotes""",
    ),
    "a text without quotes": (
        "layer { type: Convolution }",
        """error: net.prototxt:1:15: `type` has a value of the wrong kind
  expected: a text in quotes
  got:      Convolution

hint: write it in quotes: "Convolution\"""",
    ),
    "a number in quotes": (
        'layer { loss_weight: "1" }',
        """error: net.prototxt:1:22: `loss_weight` has a value of the wrong kind
  expected: a number
  got:      "1"

hint: write it without the quotes""",
    ),
    "a number with a unit": (
        "layer { loss_weight: 1px }",
        """error: net.prototxt:1:22: `loss_weight` has a value of the wrong kind
  expected: a number
  got:      1px""",
    ),
    "a fraction of a pixel": (
        "layer { lrn_param { local_size: 1.5 } }",
        """error: net.prototxt:1:33: `local_size` has a value of the wrong kind
  expected: a whole number from 0 to 4294967295
  got:      1.5

hint: write it without a decimal point or exponent""",
    ),
    "more than an unsigned number holds": (
        "layer { inner_product_param { num_output: 4294967296 } }",
        """error: net.prototxt:1:43: number out of range for `num_output`
  expected: a whole number from 0 to 4294967295
  got:      4294967296""",
    ),
    "less than an unsigned number holds": (
        "layer { inner_product_param { num_output: -1 } }",
        """error: net.prototxt:1:43: number out of range for `num_output`
  expected: a whole number from 0 to 4294967295
  got:      -1""",
    ),
    "more than a number holds": (
        "layer { concat_param { axis: 2147483648 } }",
        """error: net.prototxt:1:30: number out of range for `axis`
  expected: a whole number from -2147483648 to 2147483647
  got:      2147483648""",
    ),
    "a wrong truth": (
        "force_backward: TRUE",
        """error: net.prototxt:1:17: `force_backward` has a value of the wrong kind
  expected: true or false
  got:      TRUE

hint: write true""",
    ),
    "a bad escape": (
        r'name: "C:\dir"',
        r"""error: net.prototxt:1:7: `name` has a value of the wrong kind
  expected: an escape that text format knows
  got:      "C:\dir"

hint: write \\ for a backslash""",
    ),
    "bytes that are no text": (
        r'name: "\377"',
        r"""error: net.prototxt:1:7: `name` has a value of the wrong kind
  expected: a text whose escapes make valid UTF-8
  got:      "\377" """.rstrip(),
    ),
    "an open text": (
        'name: "a\nlayer { }',
        """error: net.prototxt:1:7: this text is not closed on its line
  got:      `"a`

hint: write the closing \"""",
    ),
    "a field twice": (
        'layer {\n  name: "a"\n  name: "b"\n}',
        """error: net.prototxt:3:3: `name` is given twice in one `layer`
  expected: one `name`
  got:      another one on line 2

hint: keep the one you mean; a second block of the same kind may lack its own opening line""",
    ),
    "a block twice": (
        "layer {\n  pooling_param { }\n  pooling_param { }\n}",
        """error: net.prototxt:3:3: `pooling_param` is given twice in one `layer`
  expected: one `pooling_param`
  got:      another one on line 2

hint: keep the one you mean; a second block of the same kind may lack its own opening line""",
    ),
    "no colon": (
        'layer { name "a" }',
        """error: net.prototxt:1:14: no colon after `name`
  expected: `name: VALUE`
  got:      `"a"`""",
    ),
    "no value": (
        "layer { name: }",
        """error: net.prototxt:1:15: `name` has no value
  expected: a text in quotes
  got:      `}`""",
    ),
    "the end instead of a value": (
        "layer { name:",
        """error: net.prototxt:1:14: `name` has no value
  expected: a text in quotes
  got:      the end of the file""",
    ),
    "a list for a single field": (
        'layer { name: ["a"] }',
        """error: net.prototxt:1:15: `name` takes one value, not a list
  expected: a text in quotes
  got:      `[`""",
    ),
    "a list without commas": (
        "layer { loss_weight: [1 2] }",
        """error: net.prototxt:1:25: a list goes on without a comma
  expected: `,` or `]`
  got:      `2`""",
    ),
    "a value for a block": (
        "layer { pooling_param: 3 }",
        """error: net.prototxt:1:24: `pooling_param` is a block of fields
  expected: `pooling_param { ... }`
  got:      `3`""",
    ),
    "a block for a value": (
        "layer { name { } }",
        """error: net.prototxt:1:14: no colon after `name`
  expected: `name: VALUE`
  got:      `{`""",
    ),
    "a block after a colon for a value": (
        "layer { name: { } }",
        """error: net.prototxt:1:15: `name` takes a value, not a block
  expected: a text in quotes
  got:      `{`""",
    ),
    "two separators": (
        'bottom: "a"'.join(["layer { ", ",, }"]),
        """error: net.prototxt:1:21: no field can begin here
  expected: a field of `layer`, or its closing `}`
  got:      `,`

hint: one separator after a value is enough""",
    ),
    "an extension": (
        "[caffe.x]: 1",
        """error: net.prototxt:1:1: no field can begin here
  expected: a field of `NetParameter`
  got:      `[`

hint: protobuf extensions are not part of Caffe's schema""",
    ),
    "a nameless block": (
        "{ }",
        """error: net.prototxt:1:1: no field can begin here
  expected: a field of `NetParameter`
  got:      `{`

hint: a block needs the name of its field before it""",
    ),
    "a number first": (
        "3: 4",
        """error: net.prototxt:1:1: no field can begin here
  expected: a field of `NetParameter`
  got:      `3`

hint: field names begin with a letter""",
    ),
    "a comment of another language": (
        "// LeNet",
        """error: net.prototxt:1:1: this comment is of another language
  got:      `// LeNet`

hint: comments begin with #""",
    ),
    "curly quotes": (
        "name: \u201cLeNet\u201d",
        """error: net.prototxt:1:7: curly quotation marks stand around this text
  got:      `\u201cLeNet\u201d`

hint: a word processor put them there; use the plain ones""",
    ),
    "a zero byte": (
        "name\0",
        """error: net.prototxt:1:5: unreadable character
  expected: `name: VALUE`
  got:      the character U+0000

hint: the file looks binary; a prototxt is plain UTF-8 text""",
    ),
    "half a character": (
        'name: "\ud800"',
        """error: net.prototxt:1:8: the text holds half a character
  got:      '\\ud800'""",
    ),
    "a required field left out": (
        "layer {\n  clip_param { min: 1 }\n}",
        """error: net.prototxt:2:3: `clip_param` lacks `max`
  expected: a value for each of `min`, `max`""",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_error(case):
    text, expected = CASES[case]
    with pytest.raises(PycaffeliteError) as caught:
        parse_text(text, messages.NetParameter, "net.prototxt", strict_problem)
    assert str(caught.value) == expected
    about_fields = ("unknown ", "lacks `", "`pool` has")
    assert isinstance(caught.value, FieldError if any(sign in expected for sign in about_fields) else PrototxtError)


def test_a_long_value_is_shortened():
    with pytest.raises(PrototxtError) as caught:
        parse_text(f'force_backward: "{"x" * 500}"', messages.NetParameter)
    assert len(caught.value.got or "") == 63


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
