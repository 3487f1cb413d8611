"""protobuf's binary form, field by field, without a schema."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, Protocol

VARINT, EIGHT_BYTES, LENGTH, FOUR_BYTES = 0, 1, 2, 5


class Octets(Protocol):
    """Whatever gives its bytes as numbers by their offsets."""

    def __getitem__(self, offset: int, /) -> int: ...


class WireField(NamedTuple):
    """One field in a buffer: its number, its wire type, where its value begins (after its length) and ends; its tag."""

    number: int
    wire: int
    start: int
    end: int
    tag: int


def wire_fields(content: Octets, start: int, end: int) -> Iterator[WireField]:
    """Walk over the fields of the message that stands between two offsets.

    Raises:
        ValueError: This is no message.
    """
    while start < end:
        begin = start
        tag, start = read_varint(content, start, end)
        number, wire = tag >> 3, tag & 7
        if wire == LENGTH:
            size, start = read_varint(content, start, end)
        elif wire == VARINT:
            size = read_varint(content, start, end)[1] - start
        elif wire in (EIGHT_BYTES, FOUR_BYTES):
            size = 8 if wire == EIGHT_BYTES else 4
        else:
            raise ValueError("a group, which Caffe never writes")
        if number == 0 or start + size > end:
            raise ValueError("a field without a number, or one that is cut off")
        yield WireField(number, wire, start, start + size, begin)
        start += size


def read_varint(content: Octets, start: int, end: int) -> tuple[int, int]:
    """Read a number of variable length; return it and the offset behind it."""
    value = shift = 0
    while start < end and shift < 70:
        byte = content[start]
        start += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, start
        shift += 7
    raise ValueError("a number that does not end")


def varint(value: int) -> bytes:
    """Write a number that is not negative in variable length."""
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def wire_field(number: int, wire: int, value: bytes | memoryview) -> list[bytes | memoryview]:
    """Write a field, in pieces."""
    tag = varint(number << 3 | wire)
    return [tag, varint(len(value)), value] if wire == LENGTH else [tag, value]
