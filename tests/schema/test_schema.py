"""The schema: Caffe's names and numbers, compiled from proto/caffe.proto, at home beside other people's."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

import pytest
from google.protobuf import descriptor_pb2

from pycaffelite.schema import messages
from pycaffelite.schema.comments import field_comment, message_comment
from pycaffelite.schema.compiler import compile_schema
from pycaffelite.schema.fields import is_foreign
from pycaffelite.schema.merge import add_forks
from pycaffelite.schema.stubs import write_stubs
from pycaffelite.schema.text import format_text, parse_text

ROOT = Path(__file__).parents[2]
FACTS = ROOT / "tests" / "golden" / "schema"
PACKAGE = Path(messages.__file__).parent
FILE = compile_schema((ROOT / "proto" / "caffe.proto").read_text(encoding="utf-8")).file[0]
WIDENED = descriptor_pb2.FileDescriptorSet.FromString((PACKAGE / "caffe.desc").read_bytes()).file[0]
FIELD = descriptor_pb2.FieldDescriptorProto


def rows(name):
    with (FACTS / name).open(newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def test_the_compiled_schema_is_up_to_date():
    files = compile_schema((ROOT / "proto" / "caffe.proto").read_text(encoding="utf-8"))
    assert write_stubs(files.file[0]) == (PACKAGE / "messages.pyi").read_text(encoding="utf-8")
    add_forks(files.file[0])
    assert files.SerializeToString(deterministic=True) == (PACKAGE / "caffe.desc").read_bytes()


def stated(message, field):
    kind = next(name[5:].lower() for name, number in FIELD.Type.items() if number == field.type)
    label = next(name[6:].lower() for name, number in FIELD.Label.items() if number == field.label)
    return {
        "message": message.name,
        "field": field.name,
        "number": str(field.number),
        "label": label,
        "type": field.type_name.removeprefix(".caffe.") or kind,
        "kind": kind,
        "packed": "packed" if field.options.packed else "",
        "deprecated": "deprecated" if field.options.deprecated else "",
    }


def test_every_field_is_as_in_the_reference():
    facts = {(row["message"], row["field"]): row for row in rows("caffe_fields.tsv")}
    ours = {(message.name, field.name): (message, field) for message in FILE.message_type for field in message.field}
    assert ours.keys() >= facts.keys()  # what is beyond comes from forks
    for key, row in facts.items():
        message, field = ours[key]
        default = row.pop("default")
        assert stated(message, field) == row
        if field.type in (FIELD.TYPE_FLOAT, FIELD.TYPE_DOUBLE):
            assert (float(field.default_value) if field.default_value else None) == (
                float(default) if default else None
            )
        else:
            assert field.default_value == default.strip('"'), key


def test_every_enum_value_is_as_in_the_reference():
    enums = {enum.name: enum for enum in FILE.enum_type}
    enums |= {f"{message.name}.{enum.name}": enum for message in FILE.message_type for enum in message.enum_type}
    ours = {(name, value.name, str(value.number)) for name, enum in enums.items() for value in enum.value}
    assert ours >= {(row["enum"], row["value"], row["number"]) for row in rows("caffe_enums.tsv")}


def test_the_schema_loads_beside_another_of_the_same_package():
    code = """
from google.protobuf import descriptor_pb2, descriptor_pool
other = descriptor_pb2.FileDescriptorProto(name="caffe.proto", package="caffe", syntax="proto2")
message = other.message_type.add(name="NetParameter")
message.field.add(name="mine", number=1, type=9, label=1)
pool = descriptor_pool.Default()
pool.AddSerializedFile(other.SerializeToString())
from pycaffelite.schema import messages
assert "layer" in messages.NetParameter.DESCRIPTOR.fields_by_name
assert "mine" in pool.FindMessageTypeByName("caffe.NetParameter").fields_by_name
"""
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def test_classes_enums_and_defaults_are_there():
    assert messages.LayerParameter().lrn_param.local_size == 5
    assert (messages.TRAIN, messages.PoolingParameter.AVE) == (0, 1)
    assert messages.SolverParameter(solver_mode="CPU").solver_mode == messages.SolverParameter.CPU


def test_every_message_and_field_of_the_current_form_has_a_comment():
    deprecated = ("V0LayerParameter", "V1LayerParameter")
    for message in FILE.message_type:
        assert message_comment(message.name), message.name
        if message.name not in deprecated:
            missing = [field.name for field in message.field if not field_comment(message.name, field.name)]
            assert not missing, message.name


def test_comments_are_found_by_name():
    assert field_comment("NoSuchMessage", "x") == ""
    assert message_comment("LayerParameter.nothing") == ""
    assert "divisor" in field_comment("PoolingParameter.PoolMethod", "AVE")
    assert "\n" not in field_comment("LayerParameter", "loss_weight")


SMALL = """
syntax = "proto2";  // not a declaration
package caffe;

// Not attached.

// Above,
// in two lines.
message Outer {  // behind
  message Inner { optional Kind kind = 1; }
  enum Kind {
    A = 1;  // the first
  }
  // A text.
  optional string s = 1 [default = "a // b", deprecated = true];
  repeated Inner inner = 2;
}
enum Top { X = -1; }
"""


def test_the_compiler_knows_scopes_defaults_and_comments():
    file = compile_schema(SMALL).file[0]
    outer = file.message_type[0]
    assert outer.nested_type[0].field[0].type_name == ".caffe.Outer.Kind"
    assert outer.field[1].type_name == ".caffe.Outer.Inner"
    assert outer.field[0].default_value == "a // b"
    assert outer.field[0].options.deprecated
    assert file.enum_type[0].value[0].number == -1
    comments = {
        tuple(place.path): (place.leading_comments, place.trailing_comments) for place in file.source_code_info.location
    }
    assert comments == {
        (4, 0): (" Above,\n in two lines.\n", " behind\n"),
        (4, 0, 4, 0, 2, 0): ("", " the first\n"),
        (4, 0, 2, 0): (" A text.\n", ""),
    }


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('syntax = "proto3";', "line 1: expected '\"proto2\"', got '\"proto3\"'"),
        ("package a;\nmessage M { optional int32 x 1; }", "line 2: expected '=', got '1'"),
        ("package a;\n\nmessage M ?", "line 3: cannot read '?'"),
        ("service S {}", "expected a message or an enum, got 'service'"),
        ("package a; message M { optional int32 x = 1 [lazy = true]; }", "unknown field option 'lazy'"),
        ("package a; message M { optional Nothing x = 1; }", "unknown type 'Nothing'"),
    ],
)
def test_the_compiler_refuses_what_it_does_not_know(text, problem):
    with pytest.raises(ValueError, match="^" + problem.replace("?", "[?]").replace("[lazy", "\\[lazy")):
        compile_schema(text)


def test_round_trip_of_every_field():
    """Every field of every message, with a value other than its default, survives text."""
    for message in FILE.message_type:
        value = filled(message.name)
        assert parse_text(format_text(value), type(value))[0] == value


def filled(name):
    message = getattr(messages, name)()
    for field in message.DESCRIPTOR.fields:
        if is_foreign(field):
            continue
        if field.message_type is not None:
            child = filled(field.message_type.name) if name != "SolverParameter" else None
            value = child if child is not None else getattr(messages, field.message_type.name)()
        elif field.enum_type is not None:
            value = field.enum_type.values[-1].number
        else:
            value = {9: "é\"'", 12: b"\xff", 8: True}.get(field.type, 3)
        target = getattr(message, field.name)
        if hasattr(target, "extend"):
            target.extend([value, value])
        elif field.message_type is not None:
            target.CopyFrom(value)
        else:
            setattr(message, field.name, value)
    return message
