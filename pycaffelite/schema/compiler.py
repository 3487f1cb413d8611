"""Compile proto/caffe.proto without protoc: `python -m pycaffelite.schema.compiler` rewrites the files beside this one.

Generated protobuf code is tied to a runtime version, and protoc itself needs a wheel of its own. The schema uses a
small part of the proto2 language (messages, enums, scalar fields, defaults), so a small parser makes the serialized
`FileDescriptorSet` that `messages.py` loads under any protobuf runtime.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from google.protobuf import descriptor_pb2

from pycaffelite.schema.stubs import write_stubs

_TOKEN = re.compile(r'\s+|//(?P<comment>[^\n]*)|(?P<string>"[^"\n]*")|(?P<word>[\w.+-]+)|(?P<mark>[{}\[\]=;,])')

_Field = descriptor_pb2.FieldDescriptorProto
_SCALARS = {
    name: getattr(_Field, f"TYPE_{name.upper()}")
    for name in ("double", "float", "int32", "int64", "uint32", "uint64", "bool", "string", "bytes")
}
_LABELS = {name: getattr(_Field, f"LABEL_{name.upper()}") for name in ("optional", "repeated", "required")}


def compile_schema(text: str) -> descriptor_pb2.FileDescriptorSet:
    """Turn the text of a proto2 file into the descriptor set that protoc would write for it."""
    files = descriptor_pb2.FileDescriptorSet()
    _SchemaParser(text, files.file.add(name="caffe.proto")).parse()
    return files


class _SchemaParser:
    """One pass over the tokens; type names are resolved at the end, when every message and enum is known."""

    def __init__(self, text: str, file: descriptor_pb2.FileDescriptorProto) -> None:
        self.file = file
        self.tokens = self._tokens(text)
        self.token = next(self.tokens)
        self.unresolved: list[tuple[str, Any]] = []  # (scope, field)

    @staticmethod
    def _tokens(text: str) -> Iterator[str]:
        position = 0
        while position < len(text):
            match = _TOKEN.match(text, position)
            if match is None:
                raise ValueError(
                    f"line {text.count(chr(10), 0, position) + 1}: cannot read {text[position : position + 20]!r}"
                )
            position = match.end()
            if match.lastgroup not in (None, "comment"):
                yield match.group()
        yield ""

    def take(self, expected: str | None = None) -> str:
        token = self.token
        if expected is not None and token != expected:
            raise ValueError(f"expected {expected!r}, got {token!r}")
        self.token = next(self.tokens, "")
        return token

    def parse(self) -> None:
        while self.token:
            match self.take():
                case "syntax":
                    self.take("=")
                    self.take('"proto2"')
                    self.take(";")
                case "package":
                    self.file.package = self.take()
                    self.take(";")
                case "message":
                    self.message(self.file.message_type.add(), f".{self.file.package}")
                case "enum":
                    self.enum(self.file.enum_type.add())
                case other:
                    raise ValueError(f"expected a message or an enum, got {other!r}")
        self.resolve()

    def message(self, message: Any, scope: str) -> None:
        message.name = self.take()
        scope = f"{scope}.{message.name}"
        self.take("{")
        while self.token != "}":
            word = self.take()
            if word == "enum":
                self.enum(message.enum_type.add())
            elif word == "message":
                self.message(message.nested_type.add(), scope)
            else:
                self.field(message.field.add(label=_LABELS[word]), scope)
        self.take("}")

    def enum(self, enum: Any) -> None:
        enum.name = self.take()
        self.take("{")
        while self.token != "}":
            name = self.take()
            self.take("=")
            enum.value.add(name=name, number=int(self.take()))
            self.take(";")
        self.take("}")

    def field(self, field: Any, scope: str) -> None:
        kind, field.name = self.take(), self.take()
        self.take("=")
        field.number = int(self.take())
        if kind in _SCALARS:
            field.type = _SCALARS[kind]
        else:
            field.type_name = kind
            self.unresolved.append((scope, field))
        if self.token == "[":
            self.take()
            while True:
                self.option(field)
                if self.take() == "]":
                    break
        self.take(";")

    def option(self, field: Any) -> None:
        name = self.take()
        self.take("=")
        value = self.take()
        if name == "default":
            field.default_value = ast.literal_eval(value) if value.startswith('"') else value
        elif name in ("packed", "deprecated"):
            setattr(field.options, name, value == "true")
        else:
            raise ValueError(f"unknown field option {name!r}")

    def resolve(self) -> None:
        kinds = {f".{self.file.package}.{enum.name}": _Field.TYPE_ENUM for enum in self.file.enum_type}

        def collect(message: Any, scope: str) -> None:
            name = f"{scope}.{message.name}"
            kinds[name] = _Field.TYPE_MESSAGE
            kinds.update({f"{name}.{enum.name}": _Field.TYPE_ENUM for enum in message.enum_type})
            for nested in message.nested_type:
                collect(nested, name)

        for message in self.file.message_type:
            collect(message, f".{self.file.package}")
        for home, field in self.unresolved:
            scope = home
            while scope and f"{scope}.{field.type_name}" not in kinds:
                scope = scope.rpartition(".")[0]
            field.type_name = f"{scope}.{field.type_name}"
            field.type = kinds[field.type_name]


def main() -> None:
    """Rewrite the compiled schema."""
    here = Path(__file__).parent
    files = compile_schema((here.parents[1] / "proto" / "caffe.proto").read_text(encoding="utf-8"))
    (here / "caffe.desc").write_bytes(files.SerializeToString(deterministic=True))
    (here / "messages.pyi").write_text(write_stubs(files.file[0]), encoding="utf-8")


if __name__ == "__main__":
    main()
