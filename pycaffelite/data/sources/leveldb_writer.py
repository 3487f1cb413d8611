"""Writes a LevelDB that LevelDB itself opens: sorted tables with snappy, a manifest, an empty log."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from io import BufferedWriter
from pathlib import Path

import cramjam

from pycaffelite.data.sources.base import Item
from pycaffelite.data.sources.leveldb_log import masked_crc, write_log
from pycaffelite.data.sources.leveldb_manifest import (
    COMPARATOR,
    COMPARATOR_TAG,
    LOG_TAG,
    NEW_TAG,
    NEXT_FILE_TAG,
    PREVIOUS_LOG_TAG,
    SEQUENCE_TAG,
)
from pycaffelite.data.sources.leveldb_table import FOOTER, MAGIC, RAW, SNAPPY

BLOCK_SIZE = 64 * 1024  # bytes before compression; Caffe's choice
TABLE_SIZE = 32 * 1024 * 1024  # bytes
RESTART_INTERVAL = 16  # entries
# Tables of the last level are never compacted, so nobody who opens the database has to rewrite it.
LEVEL = 6
MANIFEST_NUMBER, LOG_NUMBER, FIRST_TABLE = 2, 3, 4


def varint_bytes(value: int) -> bytes:
    """Return the variable-length form of a number."""
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _prefixed(data: bytes) -> bytes:
    return varint_bytes(len(data)) + data


def _shared(a: bytes, b: bytes) -> int:
    """Return how many bytes two keys have in common at the front."""
    return next((n for n, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))


class _Block:
    """The entries of one block, with prefix compression of the keys."""

    def __init__(self) -> None:
        self.content = bytearray()
        self.restarts: list[int] = []
        self.entries = 0
        self.last = b""

    def add(self, key: bytes, value: bytes) -> None:
        shared = 0
        if self.entries % RESTART_INTERVAL == 0:
            self.restarts.append(len(self.content))
        else:
            shared = _shared(self.last, key)
        self.content += varint_bytes(shared) + varint_bytes(len(key) - shared) + varint_bytes(len(value))
        self.content += key[shared:] + value
        self.last = key
        self.entries += 1

    def bytes(self) -> bytes:
        restarts = self.restarts or [0]
        return bytes(self.content) + struct.pack(f"<{len(restarts) + 1}I", *restarts, len(restarts))


class _TableWriter:
    """One table file under construction."""

    def __init__(self, stream: BufferedWriter) -> None:
        self.stream = stream
        self.offset = 0
        self.block, self.index = _Block(), _Block()
        self.smallest = b""

    def add(self, key: bytes, value: bytes) -> None:
        self.smallest = self.smallest or key
        self.block.add(key, value)
        if len(self.block.content) >= BLOCK_SIZE:
            self.flush()

    def flush(self) -> None:
        """Write the block at hand, and its handle into the index."""
        if self.block.entries:
            self.index.add(self.block.last, self._write(self.block.bytes()))
            self.block = _Block()

    def finish(self) -> int:
        """Write metaindex, index and footer; return the size of the file."""
        self.flush()
        handles = self._write(_Block().bytes()) + self._write(self.index.bytes())
        self.stream.write(handles.ljust(FOOTER - 8, b"\0") + MAGIC.to_bytes(8, "little"))
        return self.offset + FOOTER

    def _write(self, content: bytes) -> bytes:
        """Write one block, compressed where that saves an eighth; return its handle."""
        packed = bytes(cramjam.snappy.compress_raw(content))
        kind = SNAPPY if len(packed) < len(content) - len(content) // 8 else RAW
        stored = (packed if kind == SNAPPY else content) + bytes([kind])
        self.stream.write(stored + masked_crc(stored).to_bytes(4, "little"))
        handle = varint_bytes(self.offset) + varint_bytes(len(stored) - 1)
        self.offset += len(stored) + 4
        return handle


def write_leveldb(folder: Path, items: Iterable[Item], *, table_size: int = TABLE_SIZE) -> int:
    """Write records, whose keys must ascend, into an empty folder; return their number."""
    edit, tables, count = _write_tables(folder, items, table_size)
    edit += bytes([LOG_TAG]) + varint_bytes(LOG_NUMBER) + bytes([PREVIOUS_LOG_TAG, 0])
    edit += bytes([NEXT_FILE_TAG]) + varint_bytes(FIRST_TABLE + tables)
    edit += bytes([SEQUENCE_TAG]) + varint_bytes(count)
    for name, content in (
        (f"{LOG_NUMBER:06d}.log", b""),
        (f"MANIFEST-{MANIFEST_NUMBER:06d}", write_log([bytes([COMPARATOR_TAG]) + _prefixed(COMPARATOR) + edit])),
        ("LOCK", b""),
        ("CURRENT", f"MANIFEST-{MANIFEST_NUMBER:06d}\n".encode()),
    ):
        (folder / name).write_bytes(content)
    return count


def _write_tables(folder: Path, items: Iterable[Item], table_size: int) -> tuple[bytes, int, int]:
    """Write the tables; return the part of the edit that adds them, their number and that of the records."""
    edit, tables, count, last = b"", 0, 0, b""
    iterator = iter(items)
    item = next(iterator, None)
    while item is not None:
        number = FIRST_TABLE + tables
        with (folder / f"{number:06d}.ldb").open("wb") as stream:
            writer = _TableWriter(stream)
            while item is not None and writer.offset < table_size:
                key, value = item
                if count and key <= last:
                    raise ValueError(f"keys must ascend: {key!r} comes after {last!r}")
                last = key
                count += 1
                writer.add(_internal(key, count), value)
                item = next(iterator, None)
            edit += _finish(writer, number)
        tables += 1
    return edit, tables, count


def _internal(key: bytes, sequence: int) -> bytes:
    """Return the key with its sequence number and the type of a put, as tables store it."""
    return key + (sequence << 8 | 1).to_bytes(8, "little")


def _finish(writer: _TableWriter, number: int) -> bytes:
    """Finish a table and return the part of the edit that adds it."""
    writer.flush()
    largest = writer.index.last
    size = writer.finish()
    head = bytes([NEW_TAG, LEVEL]) + varint_bytes(number) + varint_bytes(size)
    return head + _prefixed(writer.smallest) + _prefixed(largest)
