"""What the parser accepts, and what it makes of it."""

from __future__ import annotations

import math

import pytest
from google.protobuf import text_format
from google.protobuf.struct_pb2 import Value

from pycaffelite.errors import PrototxtError
from pycaffelite.schema import messages
from pycaffelite.schema.text import format_text, parse_text


def layer(text):
    return parse_text(text, messages.LayerParameter)[0]


def convolution(text):
    return layer(f"convolution_param {{ {text} }}").convolution_param


@pytest.mark.parametrize(
    "text",
    [
        'name: "a" power_param { scale: 2 }',
        'name: "a" power_param: { scale: 2 }',
        'name: "a" power_param < scale: 2 >',
        'name: "a" power_param: < scale: 2; >',
        "name: 'a', power_param { scale: 2, };",
        'name:"a"power_param{scale:2}',
        '# first\r\nname: "a" # a { comment\r\n\tpower_param {\r\n\f\vscale: 2 }\r\n# last',
        '\ufeffname: "a"\npower_param { scale: 2 }\n\n',
    ],
)
def test_the_forms_of_blocks_separators_and_comments(text):
    expected = messages.LayerParameter(name="a", power_param={"scale": 2})
    assert layer(text) == expected
    assert text_format.Parse(text.removeprefix("\ufeff"), messages.LayerParameter()) == expected


@pytest.mark.parametrize(
    ("literal", "value"),
    [
        ("2", 2.0),
        ("-2", -2.0),
        ("- 2", -2.0),
        ("1.", 1.0),
        (".5", 0.5),
        ("1e-3", 0.001),
        ("1.5E+2", 150.0),
        ("1f", 1.0),
        ("0.25F", 0.25),
        ("1.f", 1.0),
        ("0", 0.0),
        ("00.5", 0.5),
        ("99999999999999999999999", 1e23),
        ("inf", math.inf),
        ("-Infinity", -math.inf),
        ("1e60", math.inf),
    ],
)
def test_floats(literal, value):
    expected = messages.PowerParameter(shift=value).shift
    assert layer(f"power_param {{ shift: {literal} }}").power_param.shift == expected


def test_not_a_number():
    assert math.isnan(layer("power_param { shift: nan }").power_param.shift)
    assert math.isnan(layer("power_param { shift: -NaN }").power_param.shift)


@pytest.mark.parametrize(
    ("literal", "value"), [("12", 12), ("0x1F", 31), ("0XaB", 171), ("017", 15), ("0", 0), ("00", 0), ("-0", 0)]
)
def test_unsigned_integers(literal, value):
    assert convolution(f"num_output: {literal}").num_output == value


def test_the_ends_of_the_integer_ranges():
    assert convolution("num_output: 4294967295").num_output == 4294967295
    assert convolution("axis: -2147483648").axis == -2147483648
    assert convolution("axis: -0x80000000").axis == -2147483648
    shape = parse_text("dim: [9223372036854775807, -9223372036854775808]", messages.BlobShape)[0]
    assert list(shape.dim) == [2**63 - 1, -(2**63)]


@pytest.mark.parametrize("literal", ["true", "True", "t", "1", "0x1", "01"])
def test_true(literal):
    assert convolution(f"force_nd_im2col: {literal}").force_nd_im2col


@pytest.mark.parametrize("literal", ["false", "False", "f", "0", "00"])
def test_false(literal):
    parsed = convolution(f"bias_term: {literal}")
    assert parsed.HasField("bias_term")
    assert not parsed.bias_term


def test_enums_by_name_and_by_number():
    assert layer("pooling_param { pool: AVE }") == layer("pooling_param { pool: 1 }")
    assert layer("phase: TEST") == layer("phase: 0x1")


@pytest.mark.parametrize(
    ("literal", "value"),
    [
        ('"plain"', "plain"),
        ("'it is \"quoted\"'", 'it is "quoted"'),
        ('"it\'s"', "it's"),
        ('"a" "b"\n  \'c\'', "abc"),
        ('"a" \'b"c\'', 'ab"c'),
        (r'"\n\t\r\a\b\f\v\\\'\"\?"', "\n\t\r\a\b\f\v\\'\"?"),
        (r'"\303\251"', "é"),
        (r'"\xc3\xA9"', "é"),
        (r'"\1014"', "A4"),
        (r'"\u00e9\U0001F600\ud83d\ude00"', "é😀😀"),
        ('"é 😀"', "é 😀"),
        ('""', ""),
    ],
)
def test_strings(literal, value):
    assert layer(f"name: {literal}").name == value


def test_bytes_need_not_be_text():
    assert parse_text(r'data: "\377\000\x80"', messages.Datum)[0].data == b"\xff\x00\x80"


def test_lists():
    parsed = layer('bottom: ["a", \'b\' "c"] bottom: [] bottom: "d" loss_weight: [1, .5]')
    assert list(parsed.bottom) == ["a", "bc", "d"]
    assert list(parsed.loss_weight) == [1, 0.5]
    both = layer("include [{ phase: TEST }, < min_level: 2 >] include: [{}]")
    assert both == layer("include { phase: TEST } include { min_level: 2 } include {}")


def test_an_empty_block_is_present():
    assert layer("pooling_param {}").HasField("pooling_param")
    assert parse_text("", messages.LayerParameter)[0] == messages.LayerParameter()


def test_blocks_nest_as_deep_as_protobuf_allows():
    text = "list_value { values { " * 49 + "null_value: NULL_VALUE" + " } }" * 49
    assert parse_text(text, Value)[0] == text_format.Parse(text, Value())
    with pytest.raises(PrototxtError, match="nested more than 100 deep"):
        parse_text("list_value { values { " * 20000, Value)


def test_a_hostile_text_costs_linear_time():
    for text in (" " * 200_000 + "!", "#" * 200_000 + "\n!", '"' + "\\" * 200_001, "name " * 50_000, "9" * 200_000):
        with pytest.raises(PrototxtError):
            parse_text(f"name: 'a' {text} {{", messages.LayerParameter)


def test_format_writes_floats_as_cpp_does():
    text = format_text(layer("loss_weight: [1, 0.1, 0.333333343, 1e10, 1e-7, 16777216, inf, nan, -0.0]"))
    assert [line.split()[1] for line in text.splitlines()] == [
        *("1", "0.1", "0.333333343", "1e+10", "1e-07", "16777216", "inf", "nan", "-0")
    ]


def test_format_writes_doubles_bytes_and_letters():
    blob = messages.BlobProto(double_data=[0.1, 1 / 3, 1e300, -math.inf], shape={"dim": [4]})
    assert format_text(blob) == (
        "shape {\n  dim: 4\n}\n"
        "double_data: 0.1\ndouble_data: 0.33333333333333331\ndouble_data: 1e+300\ndouble_data: -inf\n"
    )
    assert format_text(messages.Datum(data=b"\x00\xff'\"a", encoded=True)) == (
        'data: "\\000\\377\\\'\\"a"\nencoded: true\n'
    )
    assert format_text(messages.LayerParameter(name="é\n")) == 'name: "\\303\\251\\n"\n'
