"""Weights and solver states without their numbers: the message, and where in the file the numbers of each blob stand.

All of such a file but some kilobytes is numbers. The message classes would hold them beside the file's bytes, and
whoever needs an array makes a third copy; so they stay in the file until somebody asks for those of one blob.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from google.protobuf.message import DecodeError

from pycaffelite.errors import Location, PycaffeliteError
from pycaffelite.schema import messages
from pycaffelite.schema.binary import BEGIN, LARGEST, looks_binary, net_of
from pycaffelite.schema.wire import LENGTH, wire_field, wire_fields

_BLOCK = 1 << 12  # bytes read at once on the way through the lengths of fields
_KEPT = (1, 2, 3, 4, 7)  # fields of a BlobProto that say its shape
_NUMBERS = {5: 4, 6: 4, 8: 8, 9: 8}  # packed fields of a BlobProto, and the bytes of each of their numbers
_DATA, _DIFF, _DOUBLE_DATA = 5, 6, 8


class Numbers(NamedTuple):
    """Where the numbers of a blob stand: bytes from the start of the file; how many; of 8 bytes each, or of 4."""

    start: int
    size: int
    double: bool


class Outline(NamedTuple):
    """A message whose blobs have their shapes only; `numbers_of` tells where in the file the rest is.

    That holds as long as `version_of` the file is `version`.
    """

    message: Any
    numbers: list[Numbers]
    version: tuple[int, ...]

    def numbers_of(self, blob: Any) -> Numbers | None:
        """Return where the numbers of one of the message's blobs are; None where it has none."""
        return self.numbers[int(blob.diff[0])] if blob.diff else None


def weights_outline(path: Path) -> Outline | None:
    """Read a .caffemodel of any era but for its numbers.

    Returns:
        The NetParameter in current form; None for whatever is not as Caffe writes it, from a missing file to numbers
        that are not packed: `read_weights_message` reads that, or tells what is wrong.
    """
    return _outline(path, "NetParameter", lambda content: net_of(content, Location(str(path))))


def state_outline(path: Path) -> Outline | None:
    """Read a .solverstate but for its numbers; None for whatever is not as Caffe writes it."""
    return _outline(path, "SolverState", messages.SolverState.FromString)


def version_of(file: BinaryIO) -> tuple[int, ...]:
    """Return what changes where an open file is written to, or another one takes its name."""
    status = os.fstat(file.fileno())
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def _outline(path: Path, message: str, parse: Callable[[bytes], Any]) -> Outline | None:
    try:
        if not path.is_file() or not 0 < path.stat().st_size <= LARGEST:  # a pipe can be read only once
            return None
        with path.open("rb", buffering=0) as file:
            window, version = _Window(file), version_of(file)
            if not looks_binary(window.read(0, BEGIN)):
                return None
            numbers: list[Numbers] = []
            content = _without_numbers(window, 0, path.stat().st_size, message, numbers)
        return Outline(parse(content), numbers, version)
    except (OSError, ValueError, IndexError, DecodeError, PycaffeliteError):
        return None


class _Window:
    """The bytes of a file by their offsets; one block of them is in memory."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.start = 0
        self.block = b""

    def __getitem__(self, offset: int) -> int:
        if not self.start <= offset < self.start + len(self.block):
            self.start, self.block = offset, self.read(offset, offset + _BLOCK)
        return self.block[offset - self.start]

    def read(self, start: int, end: int) -> bytes:
        """Return the bytes between two offsets, fewer at the end of the file."""
        self.file.seek(start)
        return self.file.read(end - start)


@cache
def _messages_with_blobs(name: str) -> dict[int, str]:
    """Return the fields of a message on the way to the blobs: their numbers, and the messages that they hold."""
    way = ("LayerParameter", "V1LayerParameter", "V0LayerParameter", "BlobProto")
    fields = getattr(messages, name).DESCRIPTOR.fields
    return {
        field.number: field.message_type.name
        for field in fields
        if field.message_type is not None and field.message_type.name in way
    }


def _without_numbers(window: _Window, start: int, end: int, message: str, numbers: list[Numbers]) -> bytes:
    """Return a message of the file whose blobs hold, in `diff`, nothing but their places in the list of numbers.

    Raises:
        ValueError: This is no message, or a blob is not as Caffe writes it.
    """
    pieces: list[bytes | memoryview] = []
    for field in wire_fields(window, start, end):
        inner = _messages_with_blobs(message).get(field.number)
        if inner is None or field.wire != LENGTH:
            pieces.append(window.read(field.tag, field.end))
        elif inner == "BlobProto":
            pieces += wire_field(field.number, LENGTH, _blob(window, field.start, field.end, numbers))
        else:
            content = _without_numbers(window, field.start, field.end, inner, numbers)
            pieces += wire_field(field.number, LENGTH, content)
    return b"".join(pieces)


def _blob(window: _Window, start: int, end: int, numbers: list[Numbers]) -> bytes:
    """Return a blob with its place in the list of numbers, to which it is added, instead of its own."""
    pieces: list[bytes | memoryview] = []
    found: dict[int, Numbers] = {}
    for field in wire_fields(window, start, end):
        size = _NUMBERS.get(field.number)
        if field.number in _KEPT:
            pieces.append(window.read(field.tag, field.end))
        elif size is None or field.wire != LENGTH or (field.end - field.start) % size or field.number in found:
            raise ValueError("a field that no blob of Caffe's has, or numbers one by one")
        elif field.end > field.start:
            found[field.number] = Numbers(field.start, (field.end - field.start) // size, size == 8)
    data = found.get(_DOUBLE_DATA, found.get(_DATA))
    if data is not None:
        pieces += wire_field(_DIFF, LENGTH, struct.pack("<f", len(numbers)))
        numbers.append(data)
    return b"".join(pieces)
