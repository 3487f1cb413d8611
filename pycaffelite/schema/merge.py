"""Widen the compiled schema with what public forks add to it (forks.tsv), so that their files read.

proto/caffe.proto always wins: only what it lacks is added. A field gets its fork's number where that is free, else one
of its own. Where a form of a field is different from the one that stands already, it is added beside that one under
the stored name `field__2`; the parser tries each form. Everything added is marked as deprecated, which tells the reader
that no layer looks at it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from zlib import crc32

from google.protobuf import descriptor_pb2

from pycaffelite.schema.dialects import ForkRow, table

_Field = descriptor_pb2.FieldDescriptorProto
_Message = descriptor_pb2.DescriptorProto

_SCALARS = {
    name: getattr(_Field, f"TYPE_{name.upper()}")
    for name in ("double", "float", "int32", "int64", "uint32", "uint64", "bool", "string", "bytes")
}
# Read by the thousand or by the gigabyte: foreign numbers in them stay unknown rather than misread.
_BINARY_ONLY = ("Datum", "SolverState")
_FIRST_PRIVATE = 200_000  # above every number that a fork uses in a net or solver, except a few in the millions
# What a uint32 says in a prototxt reads as one of these too.
_WIDER = (_Field.TYPE_INT32, _Field.TYPE_INT64, _Field.TYPE_UINT64)
_ERAS = (  # whose fields a layer of another form may hold
    ("LayerParameter", "V1LayerParameter"),
    ("V1LayerParameter", "LayerParameter"),
    ("V1LayerParameter", "V0LayerParameter"),
)


def add_forks(file: Any) -> None:
    """Add to a FileDescriptorProto every field, message and enum value of the forks that it lacks."""
    merger = _Merger(file)
    rows = sorted(table(), key=lambda row: -len(row.forks))
    merger.add_enums([row for row in rows if row.label == "value"])
    fields = [row for row in rows if row.label != "value"]
    for row in fields:
        merger.message(row.message)
    for row in fields:
        merger.add_field(row)
    for lender, borrower in _ERAS:
        merger.lend_fields(lender, borrower)


class _Merger:
    """The messages and enums by the names that the table uses, and what is taken in each."""

    def __init__(self, file: Any) -> None:
        self.file = file
        self.scope = f".{file.package}"
        self.messages: dict[str, Any] = {}
        self.enums: dict[str, Any] = {enum.name: enum for enum in file.enum_type}
        for message in file.message_type:
            self._collect(message, message.name)

    def _collect(self, message: Any, name: str) -> None:
        self.messages[name] = message
        self.enums.update({f"{name}.{enum.name}": enum for enum in message.enum_type})
        for nested in message.nested_type:
            self._collect(nested, f"{name}.{nested.name}")

    def message(self, name: str) -> Any:
        """Return a message, made where it is missing."""
        if name not in self.messages:
            home, _, own = name.rpartition(".")
            holder = self.message(home).nested_type if home else self.file.message_type
            self.messages[name] = holder.add(name=own)
        return self.messages[name]

    def add_enums(self, rows: list[ForkRow]) -> None:
        """Add values to enums, and whole enums; the value with the smallest number comes first."""
        for row in sorted(rows, key=lambda row: (row.message, row.number)):
            if row.message not in self.enums:
                home, _, own = row.message.rpartition(".")
                holder = self.message(home).enum_type if home else self.file.enum_type
                self.enums[row.message] = holder.add(name=own)
            enum = self.enums[row.message]
            if any(value.name == row.name for value in enum.value):
                continue
            taken = {value.number for value in enum.value}
            number = row.number if row.number not in taken else _private(row.message, row.name, taken)
            value = enum.value.add(name=_free(row.name, set(self._value_names(row.message))), number=number)
            value.options.deprecated = True

    def _value_names(self, enum: str) -> Iterator[str]:
        """Yield every name that a value of this enum may not have: protobuf puts them beside the enum."""
        home, _, _ = enum.rpartition(".")
        holder = self.message(home) if home else self.file
        for other in holder.enum_type:
            yield other.name
            yield from (value.name for value in other.value)
        yield from (field.name for field in getattr(holder, "field", ()))

    def add_field(self, row: ForkRow) -> None:
        """Add one form of a field, unless it stands already in this form or a wider one."""
        message = self.message(row.message)
        kind, type_name = self._type(row.type)
        label = _Field.LABEL_REPEATED if row.label == "repeated" else _Field.LABEL_OPTIONAL
        forms = [field for field in message.field if field.name.partition("__")[0] == row.name]
        if any(_covers(field, kind, type_name, label) for field in forms):
            return
        taken = {field.number for field in message.field}
        number = row.number
        if number in taken or row.message in _BINARY_ONLY:
            number = _private(row.message, row.name, taken)
        field = message.field.add(name=_free(row.name, {field.name for field in message.field}), number=number)
        field.type, field.label = kind, label
        field.options.deprecated = True
        field.json_name = field.name  # the camel case of `label__2` would be that of `label2`
        if type_name:
            field.type_name = type_name
        if row.default and not forms and label == _Field.LABEL_OPTIONAL:
            field.default_value = row.default

    def _type(self, name: str) -> tuple[int, str]:
        name = name.removeprefix(".")
        if name in _SCALARS:
            return _SCALARS[name], ""
        if name in self.enums:
            return _Field.TYPE_ENUM, f"{self.scope}.{name}"
        if name not in self.messages:
            raise ValueError(f"forks.tsv: unknown type {name!r}")
        return _Field.TYPE_MESSAGE, f"{self.scope}.{name}"

    def lend_fields(self, lender: str, borrower: str) -> None:
        """Let layers of one form hold the fields of another, as mixed files have them."""
        target = self.messages[borrower]
        names = {field.name for field in target.field}
        numbers = {field.number for field in target.field}
        for field in self.messages[lender].field:
            if field.name in names or field.name == "layer":
                continue
            copy = target.field.add()
            copy.CopyFrom(field)
            copy.options.deprecated = True
            copy.number = _private(borrower, field.name, numbers)
            numbers.add(copy.number)


def _covers(field: Any, kind: int, type_name: str, label: int) -> bool:
    """Tell whether a field that stands already reads all that another form would."""
    wide = field.label == _Field.LABEL_REPEATED or label == _Field.LABEL_OPTIONAL
    if field.type_name or type_name:
        return bool(wide and field.type_name == type_name)
    return bool(wide and (field.type == kind or (kind == _Field.TYPE_UINT32 and field.type in _WIDER)))


def _private(message: str, name: str, taken: set[int]) -> int:
    """Return a number of our own that depends on the name only, so that binary files outlive changes of the table."""
    number = _FIRST_PRIVATE + crc32(f"{message}.{name}".encode()) % 2**28
    while number in taken:
        number += 1
    return number


def _free(name: str, taken: set[str]) -> str:
    form, stored = 1, name
    while stored in taken:
        form += 1
        stored = f"{name}__{form}"
    return stored
