"""What the schema says about each message and field, prepared once for the parser and the upgrades."""

from __future__ import annotations

from functools import cache
from typing import Any

from google.protobuf.descriptor import FieldDescriptor


class FieldPlan:
    """One field: how it is read from text.

    Attributes:
        name: As the prototxt writes it.
        kind: "message", "enum", "string", "bytes", "bool", "float" (either width), or an integer kind such as "uint32".
        repeated: Whether it may stand several times.
        descriptor: protobuf's own description.
    """

    __slots__ = ("descriptor", "kind", "name", "repeated")

    def __init__(self, descriptor: Any) -> None:
        self.name: str = descriptor.name
        self.kind: str = _KINDS[descriptor.type]
        self.repeated = is_repeated(descriptor)
        self.descriptor = descriptor

    @property
    def message(self) -> MessagePlan:
        """The plan of the message that this field holds."""
        return message_plan(self.descriptor.message_type)


class MessagePlan:
    """One message: its fields by name, and which of them must be there."""

    __slots__ = ("fields", "name", "required")

    def __init__(self, descriptor: Any) -> None:
        self.name: str = descriptor.name
        self.fields = {field.name: FieldPlan(field) for field in descriptor.fields}
        self.required = tuple(field.name for field in descriptor.fields if _is_required(field))


@cache
def message_plan(descriptor: Any) -> MessagePlan:
    """Return the plan of a message type."""
    return MessagePlan(descriptor)


def is_repeated(field: Any) -> bool:
    """Tell whether a field descriptor is repeated; protobuf 5 knows only `label`, protobuf 7 only `is_repeated`."""
    repeated = getattr(field, "is_repeated", None)
    return bool(field.label == FieldDescriptor.LABEL_REPEATED if repeated is None else repeated)


def _is_required(field: Any) -> bool:
    required = getattr(field, "is_required", None)
    return bool(field.label == FieldDescriptor.LABEL_REQUIRED if required is None else required)


_KINDS = {
    FieldDescriptor.TYPE_MESSAGE: "message",
    FieldDescriptor.TYPE_ENUM: "enum",
    FieldDescriptor.TYPE_STRING: "string",
    FieldDescriptor.TYPE_BYTES: "bytes",
    FieldDescriptor.TYPE_BOOL: "bool",
    FieldDescriptor.TYPE_FLOAT: "float",
    FieldDescriptor.TYPE_DOUBLE: "float",
    FieldDescriptor.TYPE_INT32: "int32",
    FieldDescriptor.TYPE_INT64: "int64",
    FieldDescriptor.TYPE_UINT32: "uint32",
    FieldDescriptor.TYPE_UINT64: "uint64",
}
