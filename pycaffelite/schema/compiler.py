"""Compile proto/caffe.proto without protoc: `python -m pycaffelite.schema.compiler` rewrites the files beside this one.

Generated protobuf code is tied to a runtime version, and protoc itself needs a wheel of its own. The schema uses a
small part of the proto2 language (messages, enums, scalar fields, defaults), so a small parser makes the serialized
`FileDescriptorSet` that `messages.py` loads under any protobuf runtime.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from google.protobuf import descriptor_pb2

from pycaffelite.schema.merge import add_forks
from pycaffelite.schema.stubs import write_stubs

_TOKEN = re.compile(
    r'(?P<blank>\s+)|//(?P<comment>[^\n]*)|(?P<string>"[^"\n]*")|(?P<word>[\w.+-]+)|(?P<mark>[{}\[\]=;,])'
)

_File = descriptor_pb2.FileDescriptorProto
_Message = descriptor_pb2.DescriptorProto
_Enum = descriptor_pb2.EnumDescriptorProto
_Field = descriptor_pb2.FieldDescriptorProto
_SCALARS = {
    name: getattr(_Field, f"TYPE_{name.upper()}")
    for name in ("double", "float", "int32", "int64", "uint32", "uint64", "bool", "string", "bytes")
}
_LABELS = {name: getattr(_Field, f"LABEL_{name.upper()}") for name in ("optional", "repeated", "required")}


@dataclass
class _Token:
    """A word or mark of the text, with the comment above it and the one behind it on its line."""

    text: str
    line: int
    column: int
    leading: str = ""
    trailing: str = ""


def compile_schema(text: str) -> descriptor_pb2.FileDescriptorSet:
    """Turn the text of a proto2 file into the descriptor set that protoc would write for it, comments included."""
    files = descriptor_pb2.FileDescriptorSet()
    _SchemaParser(text, files.file.add(name="caffe.proto")).parse()
    return files


def _tokenize(text: str) -> list[_Token]:
    """Cut the text into tokens; a comment followed by an empty line belongs to nothing."""
    tokens: list[_Token] = []
    above: list[str] = []
    line, line_start, position = 0, 0, 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise ValueError(f"line {line + 1}: cannot read {text[position : position + 20]!r}")
        if match.lastgroup == "comment":
            if tokens and tokens[-1].line == line:
                tokens[-1].trailing = f"{match['comment']}\n"
            else:
                above.append(f"{match['comment']}\n")
        elif match.lastgroup == "blank":
            breaks = match.group().count("\n")
            if breaks > 1:
                above.clear()
            if breaks:
                line, line_start = line + breaks, match.start() + match.group().rindex("\n") + 1
        else:
            tokens.append(_Token(match.group(), line, position - line_start, "".join(above)))
            above.clear()
        position = match.end()
    tokens.append(_Token("", line, position - line_start))
    return tokens


class _SchemaParser:
    """One pass over the tokens; type names are resolved at the end, when every message and enum is known."""

    def __init__(self, text: str, file: descriptor_pb2.FileDescriptorProto) -> None:
        self.file = file
        self.tokens = _tokenize(text)
        self.index = 0
        self.unresolved: list[tuple[str, Any]] = []  # (scope, field)

    @property
    def token(self) -> str:
        return self.tokens[self.index].text

    def take(self, expected: str | None = None) -> str:
        token = self.tokens[self.index]
        if expected is not None and token.text != expected:
            raise ValueError(f"line {token.line + 1}: expected {expected!r}, got {token.text!r}")
        self.index += 1
        return token.text

    def describe(self, path: Sequence[int], first: int, last: int) -> None:
        """Keep the comments of a declaration, which goes from one token to another, where it has any."""
        start, end = self.tokens[first], self.tokens[last]
        if start.leading or end.trailing:
            self.file.source_code_info.location.add(
                path=path,
                span=[start.line, start.column, end.line, end.column + len(end.text)],
                leading_comments=start.leading,
                trailing_comments=end.trailing,
            )

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
                    path = [_File.MESSAGE_TYPE_FIELD_NUMBER, len(self.file.message_type)]
                    self.message(self.file.message_type.add(), f".{self.file.package}", path)
                case "enum":
                    path = [_File.ENUM_TYPE_FIELD_NUMBER, len(self.file.enum_type)]
                    self.enum(self.file.enum_type.add(), path)
                case other:
                    raise ValueError(f"expected a message or an enum, got {other!r}")
        self.resolve()

    def message(self, message: Any, scope: str, path: list[int]) -> None:
        first = self.index - 1
        message.name = self.take()
        scope = f"{scope}.{message.name}"
        self.describe(path, first, self.index)
        self.take("{")
        while self.token != "}":
            first = self.index
            word = self.take()
            if word == "enum":
                self.enum(message.enum_type.add(), [*path, _Message.ENUM_TYPE_FIELD_NUMBER, len(message.enum_type) - 1])
            elif word == "message":
                here = [*path, _Message.NESTED_TYPE_FIELD_NUMBER, len(message.nested_type)]
                self.message(message.nested_type.add(), scope, here)
            else:
                self.field(message.field.add(label=_LABELS[word]), scope)
                here = [*path, _Message.FIELD_FIELD_NUMBER, len(message.field) - 1]
                self.describe(here, first, self.index - 1)
        self.take("}")

    def enum(self, enum: Any, path: list[int]) -> None:
        first = self.index - 1
        enum.name = self.take()
        self.describe(path, first, self.index)
        self.take("{")
        while self.token != "}":
            first = self.index
            name = self.take()
            self.take("=")
            enum.value.add(name=name, number=int(self.take()))
            self.take(";")
            self.describe([*path, _Enum.VALUE_FIELD_NUMBER, len(enum.value) - 1], first, self.index - 1)
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
            if not scope:
                raise ValueError(f"unknown type {field.type_name!r}")
            field.type_name = f"{scope}.{field.type_name}"
            field.type = kinds[field.type_name]


def main() -> None:
    """Rewrite the compiled schema."""
    here = Path(__file__).parent
    files = compile_schema((here.parents[1] / "proto" / "caffe.proto").read_text(encoding="utf-8"))
    stubs = write_stubs(files.file[0])  # of what the package itself uses
    add_forks(files.file[0])
    _replace(here / "caffe.desc", files.SerializeToString(deterministic=True))
    _replace(here / "messages.pyi", stubs.encode())


def _replace(path: Path, content: bytes) -> None:
    """Write a file in one step: who imports the package meanwhile finds the old one or the new one."""
    temporary = path.with_name(f"{path.name}.new")
    temporary.write_bytes(content)
    temporary.replace(path)


if __name__ == "__main__":
    main()
