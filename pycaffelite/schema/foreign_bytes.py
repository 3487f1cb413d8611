"""Binary nets of forks: the same field number means different things in different forks.

Text goes by names, bytes go by numbers. So the numbers of a binary net are first read in the way of each fork; the one
whose fields fit what is there, by wire type, by the messages inside and by the types of the layers, gives them their
names, and the names give them our numbers. What fits nothing is dropped rather than misread.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any, NamedTuple

from pycaffelite.schema import messages
from pycaffelite.schema.dialects import ForkRow, origin, table
from pycaffelite.schema.fields import FieldPlan, is_repeated, text_name
from pycaffelite.schema.wire import (
    EIGHT_BYTES,
    FOUR_BYTES,
    LENGTH,
    VARINT,
    WireField,
    read_varint,
    varint,
    wire_field,
    wire_fields,
)  # fmt: skip

_OURS = ""  # the name of our own numbering among the forks
_WIRES = {"float": FOUR_BYTES, "double": EIGHT_BYTES, "string": LENGTH, "bytes": LENGTH, "message": LENGTH}
_OPAQUE = ("BlobProto", "Datum", "BlobShape")  # large, or the same everywhere
_LAYERS = ("LayerParameter", "V1LayerParameter", "V0LayerParameter")
_NAMESAKES = {"recurrent": ("LSTM", "RNN")}  # types of layers that their field is not named for
_MISREAD, _UNKNOWN, _ODD, _FITS, _NAMED = -10, -3, -1, 1, 5


class Meaning(NamedTuple):
    """What a number means: a field's name, its kind ("message", "enum", "float"), its type, and whether repeated."""

    name: str
    kind: str
    type: str
    repeated: bool

    def takes(self, wire: int) -> bool:
        """Tell whether a field of this kind is written with a wire type; lists of numbers may be packed."""
        return wire == _WIRES.get(self.kind, VARINT) or (wire == LENGTH and self.repeated and self.kind != "message")


def translate_net(content: bytes) -> tuple[bytes, str]:
    """Rewrite a binary NetParameter in our field numbers.

    Returns:
        The bytes, and the fork by whose numbers they were read; "" where they were ours or Caffe's own.

    Raises:
        ValueError: The bytes are no message.
    """
    view = memoryview(content)
    plain = _plain_numbers("NetParameter")
    fields = list(wire_fields(view, 0, len(view)))
    if not all(plain[field.number].takes(field.wire) for field in fields if field.number in plain):
        raise ValueError("not a net")
    fields = [field for field in fields if not _is_plain(view, field, "NetParameter")]
    if not fields:
        return content, _OURS
    forks = [_OURS, *sorted({fork for row in table() for fork in row.forks})]
    best = max(forks, key=lambda fork: _fit(view, fields, "NetParameter", fork, ""))
    if best == _OURS and all(_is_ours(view, field, "NetParameter") for field in fields):
        return content, _OURS  # without a copy: weights may be large
    return b"".join(_translated(view, 0, len(view), "NetParameter", best)), best


@cache
def _meanings(message: str, fork: str) -> dict[int, Meaning]:
    """Return what the numbers of a message mean to a fork, or to us; {} for a message that it does not have."""
    descriptor = _descriptor(message)
    if descriptor is None:
        return {}
    fields = [field for field in descriptor.fields if fork == _OURS or not origin(message, field.name)]
    meanings = {field.number: _meaning(field) for field in fields}
    for row in table():
        if row.message == message and fork in row.forks and row.label != "value":
            kind = "message" if _descriptor(row.type) is not None else row.type
            if kind == row.type and (row.type[:1] == "." or row.type[:1].isupper()):
                kind = "enum"
            meanings[row.number] = Meaning(row.name, kind, row.type.lstrip("."), row.label == "repeated")
    return meanings


def _meaning(field: Any) -> Meaning:
    plan = FieldPlan(field)
    kind = "double" if plan.kind == "float" and field.type == 1 else plan.kind
    described = field.message_type or field.enum_type
    return Meaning(plan.stored, kind, described.full_name.split(".", 1)[1] if described else kind, plan.repeated)


@cache
def _descriptor(message: str) -> Any:
    name, _, nested = message.lstrip(".").partition(".")
    found = getattr(messages, name, None) if name[:1].isupper() else None
    descriptor = getattr(found, "DESCRIPTOR", None)
    return descriptor.nested_types_by_name.get(nested) if nested and descriptor is not None else descriptor


@cache
def _plain_numbers(message: str) -> dict[int, Meaning]:
    """Return the numbers of a message that mean the same to Caffe, to us and to every fork."""
    meanings = _meanings(message, _OURS)
    forks = {row.number for row in table() if row.message == message and row.label != "value"}
    return {
        number: meaning
        for number, meaning in meanings.items()
        if number not in forks and not origin(message, meaning.name)
    }


def _is_plain(view: memoryview, field: WireField, message: str) -> bool:
    """Tell whether a field of a message means the same everywhere, with all that is in it."""
    meaning = _plain_numbers(message).get(field.number)
    if meaning is None or not meaning.takes(field.wire):
        return False
    if meaning.kind == "enum" and meaning.type in _forked_enums():
        return False
    if meaning.kind == "message" and meaning.type not in _OPAQUE:
        return all(_is_plain(view, inner, meaning.type) for inner in wire_fields(view, field.start, field.end))
    return True


def _is_ours(view: memoryview, field: WireField, message: str) -> bool:
    """Tell whether a field reads well by our numbers, with all that is in it; unknown numbers do no harm."""
    meaning = _meanings(message, _OURS).get(field.number)
    if meaning is None:
        return True
    if meaning.kind == "message" and meaning.type not in _OPAQUE and field.wire == LENGTH:
        try:
            inner = list(wire_fields(view, field.start, field.end))
        except ValueError:
            return False
        return all(_is_ours(view, each, meaning.type) for each in inner)
    return meaning.takes(field.wire)


@cache
def _forked_enums() -> frozenset[str]:
    return frozenset(row.message for row in table() if row.label == "value")


def _fit(view: memoryview, fields: Sequence[WireField], message: str, fork: str, layer_type: str) -> int:
    """Score how well the numbers of a fork explain the fields of a message."""
    meanings, plain, score = _meanings(message, fork), _plain_numbers(message), 0
    if message in _LAYERS:
        layer_type = _layer_type(view, fields, meanings)
    for field in fields:
        meaning = meanings.get(field.number)
        if meaning is None:
            score += _UNKNOWN
        elif not meaning.takes(field.wire):
            score += _MISREAD
        else:
            if field.number not in plain:
                named = message in _LAYERS and _is_named_for(meaning.name, layer_type)
                odd = message in _LAYERS and meaning.kind == "message" and layer_type
                score += _NAMED if named else _ODD if odd else _FITS
            if meaning.kind == "message" and meaning.type not in _OPAQUE:
                try:
                    inner = list(wire_fields(view, field.start, field.end))
                    score += _fit(view, inner, meaning.type, fork, layer_type)
                except ValueError:
                    score += _MISREAD
    return score


def _layer_type(view: memoryview, fields: Sequence[WireField], meanings: dict[int, Meaning]) -> str:
    """Return the type of a layer where it is a text."""
    for field in fields:
        meaning = meanings.get(field.number)
        if meaning is not None and meaning.name == "type" and field.wire == LENGTH:
            return bytes(view[field.start : field.end]).decode("utf-8", "replace")
    return ""


def _is_named_for(field: str, layer_type: str) -> bool:
    """Tell whether a field such as `roi_pooling_param` is named for a layer type such as ROIPooling."""
    stem = re.sub(r"_param$", "", text_name(field)).replace("_", "")
    return bool(layer_type) and (
        stem in layer_type.replace("_", "").casefold() or layer_type in _NAMESAKES.get(stem, ())
    )


def _translated(view: memoryview, start: int, end: int, message: str, fork: str) -> Iterator[bytes | memoryview]:
    """Yield the pieces of a message in our numbers."""
    meanings, target = _meanings(message, fork), _descriptor(message)
    for field in wire_fields(view, start, end):
        meaning = meanings.get(field.number)
        ours = _our_field(target, meaning) if meaning is not None and meaning.takes(field.wire) else None
        if meaning is None or ours is None:
            continue
        value: bytes | memoryview = view[field.start : field.end]
        if meaning.kind == "message" and meaning.type not in _OPAQUE:
            try:
                value = b"".join(_translated(view, field.start, field.end, meaning.type, fork))
            except ValueError:
                continue
        elif meaning.kind == "enum" and field.wire == VARINT:
            value = _our_value(ours, meaning.type, fork, read_varint(value, 0, len(value))[0])
        yield from wire_field(ours.number, field.wire, value)


def _our_field(target: Any, meaning: Meaning) -> Any:
    """Find our field of the same name in a form that holds the same kind of value; None where there is none."""
    for field in target.fields if target is not None else ():
        if text_name(field.name) == text_name(meaning.name):
            ours = _meaning(field)
            wires = {_WIRES.get(kind, VARINT) for kind in (ours.kind, meaning.kind)}
            same_type = ours.type == meaning.type if "message" in (ours.kind, meaning.kind) else True
            if len(wires) == 1 and same_type and (is_repeated(field) or not meaning.repeated):
                return field
    return None


@cache
def _value_names(enum: str, fork: str) -> dict[int, str]:
    """Return the names that a fork gives to the values of an enum beyond Caffe's own."""
    rows: Iterator[ForkRow] = (row for row in table() if row.label == "value" and row.message == enum)
    return {row.number: row.name for row in rows if fork in row.forks}


def _our_value(field: Any, enum: str, fork: str, number: int) -> bytes:
    """Write a value of an enum by our number of the same name."""
    name = _value_names(enum, fork).get(number)
    if name is not None and field.enum_type is not None:
        values = (value.number for value in field.enum_type.values if text_name(value.name) == name)
        number = next(values, number)
    return varint(number)
