"""The catalogue of layer types, from the classes' docstrings and the schema's defaults."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pycaffelite.layers.base import Arity, Layer
from pycaffelite.layers.registry import layer_class, layer_types
from pycaffelite.schema import messages
from pycaffelite.schema.comments import field_comment
from pycaffelite.schema.fields import is_foreign, is_repeated
from pycaffelite.schema.fork_types import known_types

_NO_BACKWARD = re.compile(r"^Backward: none\b", re.MULTILINE)
_READS = re.compile(r"\bmessage\.(\w+_param)\b")


@dataclass(frozen=True)
class FieldEntry:
    """A field that a prototxt may set.

    Attributes:
        name: Its name.
        kind: What kind of value it takes.
        default: The value when it is left out; empty where the schema states none.
        comment: What the schema says about it.
    """

    name: str
    kind: str
    default: str
    comment: str


@dataclass(frozen=True)
class LayerEntry:
    """What there is to know of a layer type.

    Attributes:
        type: The type string.
        summary: The first sentence of its documentation.
        documentation: All of it.
        bottoms: How many bottoms it takes: "1", "1 or 2", "2 or more".
        tops: How many tops.
        in_place: Whether its first top may be its first bottom.
        backward: Whether it has a backward pass.
        forks: The forks of Caffe that it comes from; empty for Caffe's own types, and for those of other packages.
        fields: The fields of the messages that it reads, by the message's name: "pooling_param".
    """

    type: str
    summary: str
    documentation: str
    bottoms: str
    tops: str
    in_place: bool
    backward: bool
    forks: tuple[str, ...]
    fields: dict[str, tuple[FieldEntry, ...]]


def catalogue() -> list[LayerEntry]:
    """Describe every registered type."""
    return [describe(name) for name in layer_types()]


def catalogue_of_ours() -> list[LayerEntry]:
    """Describe the types that ship with pycaffelite."""
    return [describe(name) for name in layer_types() if layer_class(name).__module__.startswith("pycaffelite.")]


def known_besides(entries: Iterable[LayerEntry]) -> dict[str, tuple[str, ...]]:
    """Return the types that are known and not among those described, each with the forks of Caffe that have it."""
    described = {entry.type for entry in entries}
    return {name: forks for name, forks in known_types().items() if name not in described}


def describe(type_name: str) -> LayerEntry:
    """Describe one type; raise FieldError with close matches if there is none of that name."""
    found = layer_class(type_name)
    documentation = inspect.cleandoc(found.__doc__ or "")
    arity: Arity = found.arity
    return LayerEntry(
        type=type_name,
        summary=" ".join(documentation.split("\n\n")[0].split()),
        documentation=documentation,
        bottoms=_span(arity.bottoms),
        tops="as many as bottoms" if arity.pairs else _span(arity.tops),
        in_place=arity.in_place,
        backward=_NO_BACKWARD.search(documentation) is None,
        forks=known_types().get(type_name, ()),
        fields={name: _fields(name) for name in _messages_read(found)},
    )


def _span(limits: tuple[int, int | None]) -> str:
    """Write (1, 2) as "1 or 2"."""
    least, most = limits
    if most is None:
        return f"{least} or more"
    if least == most:
        return str(least)
    return f"{least} or {most}" if most == least + 1 else f"{least} to {most}"


def _messages_read(found: type[Layer]) -> list[str]:
    """Return the names of the messages that a layer's code reads; its code cannot be out of date."""
    known = messages.LayerParameter.DESCRIPTOR.fields_by_name
    read: dict[str, None] = {}
    for base in found.__mro__:
        if base not in (Layer, object):
            read.update(dict.fromkeys(_READS.findall(inspect.getsource(base))))
    return [name for name in read if name in known and name != "param"]


def _fields(message_name: str) -> tuple[FieldEntry, ...]:
    """List the fields of a message of LayerParameter."""
    message = messages.LayerParameter.DESCRIPTOR.fields_by_name[message_name].message_type
    return tuple(
        FieldEntry(field.name, _kind(field), _default(field), field_comment(message.name, field.name))
        for field in message.fields
        if not is_foreign(field)
    )


def _kind(field: Any) -> str:
    """Name the kind of value: "uint32", "MAX | AVE", "FillerParameter"; "repeated" where there may be several."""
    if field.enum_type is not None:
        kind = " | ".join(value.name for value in field.enum_type.values if not is_foreign(value))
    elif field.message_type is not None:
        kind = field.message_type.name
    else:
        kind = _SCALARS[field.type]
    return f"repeated {kind}" if is_repeated(field) else kind


def _default(field: Any) -> str:
    """Write the default as a prototxt would; empty where the schema states none."""
    if field.message_type is not None or is_repeated(field) or not field.has_default_value:
        return ""
    if field.enum_type is not None:
        return str(field.enum_type.values_by_number[field.default_value].name)
    if isinstance(field.default_value, bool):
        return str(field.default_value).lower()
    if isinstance(field.default_value, float):
        return f"{field.default_value:g}"
    return f'"{field.default_value}"' if isinstance(field.default_value, str) else str(field.default_value)


_SCALARS = {
    1: "double", 2: "float", 3: "int64", 4: "uint64", 5: "int32", 8: "bool", 9: "string", 12: "bytes", 13: "uint32",
}  # fmt: skip
