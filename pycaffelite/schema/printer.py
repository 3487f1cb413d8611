"""Write messages as protobuf text format, character for character as the C++ printer of Caffe's days does.

Python's own printer writes `1.0` for a float field where C++ writes `1`, and leaves letters beyond ASCII unescaped.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from google.protobuf.descriptor import FieldDescriptor

from pycaffelite.errors import Location
from pycaffelite.schema.fields import is_repeated, text_name

_ESCAPES = {
    byte: {9: "\\t", 10: "\\n", 13: "\\r", 34: '\\"', 39: "\\'", 92: "\\\\"}.get(
        byte, chr(byte) if 32 <= byte < 127 else f"\\{byte:03o}"
    )
    for byte in range(256)
}
_FLOAT = struct.Struct("f")


def format_text(message: Any) -> str:
    """Write a message as protobuf text format: one field a line, in the order of the field numbers."""
    return "".join(_lines(message, ""))


def format_skipped(skipped: Iterable[tuple[Location, str]]) -> str:
    """Write, as comments, what a reader passed over because the schema does not have it: nothing of a file is lost."""
    lines = []
    for where, text in skipped:
        lines.append(f"Left out, from line {where.line}, because the schema does not have it:")
        lines += [f"  {line}" for line in text.split("\n")]
    return "".join(f"# {line}".rstrip() + "\n" for line in lines)


def _lines(message: Any, indent: str) -> Iterator[str]:
    for field, value in message.ListFields():
        values = value if is_repeated(field) else (value,)
        if field.type == FieldDescriptor.TYPE_MESSAGE:
            for item in values:
                yield f"{indent}{text_name(field.name)} {{\n"
                yield from _lines(item, indent + "  ")
                yield f"{indent}}}\n"
        else:
            write = _writer(field)
            for item in values:
                yield f"{indent}{text_name(field.name)}: {write(item)}\n"


def _writer(field: Any) -> Callable[[Any], str]:
    if field.type == FieldDescriptor.TYPE_ENUM:
        names = field.enum_type.values_by_number
        return lambda number: text_name(names[number].name) if number in names else str(number)
    return _WRITERS.get(field.type, str)


def _write_bool(value: bool) -> str:
    return "true" if value else "false"


def _write_float(value: float) -> str:
    text = f"{value:.6g}"
    if math.isfinite(value) and _FLOAT.unpack(_FLOAT.pack(float(text)))[0] != value:
        text = f"{value:.9g}"
    return text.lstrip("-") if math.isnan(value) else text


def _write_double(value: float) -> str:
    text = f"{value:.15g}"
    if math.isfinite(value) and float(text) != value:
        text = f"{value:.17g}"
    return text.lstrip("-") if math.isnan(value) else text


def _write_string(value: str | bytes) -> str:
    raw = value.encode() if isinstance(value, str) else value
    return f'"{"".join(_ESCAPES[byte] for byte in raw)}"'


_WRITERS: dict[int, Callable[[Any], str]] = {
    FieldDescriptor.TYPE_BOOL: _write_bool,
    FieldDescriptor.TYPE_FLOAT: _write_float,
    FieldDescriptor.TYPE_DOUBLE: _write_double,
    FieldDescriptor.TYPE_STRING: _write_string,
    FieldDescriptor.TYPE_BYTES: _write_string,
}
