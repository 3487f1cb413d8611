"""Write the typed stub of `messages.py`, so that type checkers know every message and field."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from google.protobuf.descriptor_pb2 import FieldDescriptorProto

_HEAD = '''"""Generated from proto/caffe.proto by `python -m pycaffelite.schema.compiler`; do not edit."""
# ruff: noqa: N815  # the forks' spelling

from collections.abc import Iterable
from typing import Any

from google.protobuf.internal.containers import RepeatedCompositeFieldContainer, RepeatedScalarFieldContainer
from google.protobuf.internal.enum_type_wrapper import EnumTypeWrapper
from google.protobuf.message import Message
'''
_PYTHON_TYPES = {
    FieldDescriptorProto.TYPE_STRING: "str",
    FieldDescriptorProto.TYPE_BYTES: "bytes",
    FieldDescriptorProto.TYPE_BOOL: "bool",
    FieldDescriptorProto.TYPE_FLOAT: "float",
    FieldDescriptorProto.TYPE_DOUBLE: "float",
}


def write_stubs(file: Any) -> str:
    """Return the text of the stub for a FileDescriptorProto."""
    lines = [_HEAD]
    for enum in file.enum_type:
        lines += _enum(enum, "")
    for message in file.message_type:
        lines += ["", *_message(message, file.package)]
    return "\n".join(lines) + "\n"


def _enum(enum: Any, indent: str) -> Iterator[str]:
    yield f"{indent}{enum.name}: EnumTypeWrapper"
    for value in enum.value:
        yield f"{indent}{value.name}: int"


def _message(message: Any, package: str) -> Iterator[str]:
    yield f"class {message.name}(Message):"
    yield "    DESCRIPTOR: Any"
    for enum in message.enum_type:
        yield from _enum(enum, "    ")
    for field in message.field:
        yield f"    {field.name}: {_attribute(field, package)}"
    yield "    def __init__("
    yield "        self,"
    yield "        *,"
    for field in message.field:
        yield f"        {field.name}: {_argument(field, package)} = ...,"
    yield "    ) -> None: ..."


def _python_type(field: Any, package: str) -> str:
    if field.type == FieldDescriptorProto.TYPE_MESSAGE:
        return str(field.type_name).removeprefix(f".{package}.")
    return _PYTHON_TYPES.get(field.type, "int")


def _attribute(field: Any, package: str) -> str:
    kind = _python_type(field, package)
    if field.label != FieldDescriptorProto.LABEL_REPEATED:
        return kind
    composite = field.type == FieldDescriptorProto.TYPE_MESSAGE
    return f"Repeated{'Composite' if composite else 'Scalar'}FieldContainer[{kind}]"


def _argument(field: Any, package: str) -> str:
    kind = _python_type(field, package)
    if field.type == FieldDescriptorProto.TYPE_ENUM:
        kind = "int | str"
    elif field.type == FieldDescriptorProto.TYPE_MESSAGE:
        kind = f"{kind} | dict[str, Any]"
    return f"Iterable[{kind}] | None" if field.label == FieldDescriptorProto.LABEL_REPEATED else f"{kind} | None"
