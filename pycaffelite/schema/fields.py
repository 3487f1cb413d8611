"""What the schema says about each message and field, prepared once for the parser and the upgrades."""

from __future__ import annotations

from functools import cache
from typing import Any

from google.protobuf.descriptor import FieldDescriptor


class FieldPlan:
    """One field: how it is read from text.

    Attributes:
        name: As the prototxt writes it.
        stored: Its name in the message; another form of a field is stored beside the first, as `name__2`.
        kind: "message", "enum", "string", "bytes", "bool", "float" (either width), or an integer kind such as "uint32".
        repeated: Whether it may stand several times.
        descriptor: protobuf's own description.
        others: The further forms that the forks give it.
    """

    __slots__ = ("_foreign", "descriptor", "kind", "name", "others", "repeated", "stored")

    def __init__(self, descriptor: Any) -> None:
        self.stored: str = descriptor.name
        self.name = text_name(self.stored)
        self.kind: str = _KINDS[descriptor.type]
        self.repeated = is_repeated(descriptor)
        self.descriptor = descriptor
        self.others: list[FieldPlan] = []
        self._foreign: bool | None = None

    @property
    def message(self) -> MessagePlan:
        """The plan of the message that this field holds."""
        return message_plan(self.descriptor.message_type)

    @property
    def foreign(self) -> bool:
        """Whether the field is here only so that files of forks and other eras read: no layer looks at it."""
        if self._foreign is None:
            self._foreign = is_foreign(self.descriptor)
        return self._foreign


class MessagePlan:
    """One message: its fields by name, and which of them must be there."""

    __slots__ = ("fields", "name", "required")

    def __init__(self, descriptor: Any) -> None:
        self.name: str = descriptor.name
        self.fields: dict[str, FieldPlan] = {}
        for field in descriptor.fields:
            plan = FieldPlan(field)
            if plan.stored == plan.name:
                self.fields[plan.name] = plan
        for field in descriptor.fields:
            if field.name not in self.fields:
                self.fields[text_name(field.name)].others.append(FieldPlan(field))
        self.required = tuple(field.name for field in descriptor.fields if _is_required(field))

    @property
    def own_fields(self) -> list[str]:
        """The names of the fields that the package itself knows what to do with."""
        return [name for name, field in self.fields.items() if not field.foreign]


def text_name(stored: str) -> str:
    """Return what a prototxt calls a field or an enum value: the stored name without the number of its form."""
    return stored.partition("__")[0]


@cache
def enum_numbers(enum: Any) -> dict[str, int]:
    """Return the values of an enum type by the names that a prototxt gives them."""
    return {text_name(name): value.number for name, value in enum.values_by_name.items()}


def is_foreign(described: Any) -> bool:
    """Tell whether a field or enum value was added to the schema only so that files of forks and other eras read."""
    return bool(described.has_options and described.GetOptions().deprecated)


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
