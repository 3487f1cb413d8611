"""LevelDB's sorted tables (.ldb, .sst).

A table is a row of blocks: data blocks, a metaindex (unused here), an index block whose values are the handles
(offset, size) of the data blocks, and a footer of 48 bytes with the handles of metaindex and index. A block is stored
raw or compressed, followed by one byte of type and a masked CRC-32C.
"""

from __future__ import annotations

from collections.abc import Iterator
from io import FileIO
from pathlib import Path
from typing import Any

import cramjam
import numpy as np
import numpy.typing as npt

from pycaffelite.data.records import Records, sealed
from pycaffelite.data.sources.damage import damaged, unreadable
from pycaffelite.data.sources.leveldb_log import masked_crc, varint
from pycaffelite.data.sources.leveldb_manifest import TableFile
from pycaffelite.errors import UnsupportedError
from pycaffelite.kernels.records import BEYOND, CUT, FINE, TAG, TOO_LONG, block_entries

SUFFIXES = (".ldb", ".sst")  # of table files; the second is of old versions
MAGIC = 0xDB4775248B80FB57
FOOTER = 48  # bytes
TRAILER = 5  # bytes: type and checksum
RAW, SNAPPY, ZLIB, ZSTD = 0, 1, 2, 4

# No compressor that LevelDB knows goes further than this: a length beyond it is damage, found before memory is taken.
_MOST_SNAPPY_EXPANSION = 32

_ROWS = 256  # entries at a time
_WRONG = {
    CUT: "a number that is cut short",
    TOO_LONG: "a number of more than ten bytes",
    BEYOND: "an entry beyond its end",
}

Array = npt.NDArray[Any]
Entry = tuple[bytes, int, bytes]  # key, sequence number << 8 | type, value


class Table:
    """One table file; opening it reads nothing, each iterator opens the file anew.

    Args:
        folder: The database.
        file: What the manifest says about the table.
    """

    def __init__(self, folder: Path, file: TableFile) -> None:
        paths = [folder / f"{file.number:06d}{suffix}" for suffix in SUFFIXES]
        self.path = next((path for path in paths if path.exists()), paths[0])
        if not self.path.exists():
            raise damaged(self.path, "the table, which the manifest lists, is missing")
        self.file = file

    def blocks(self) -> Iterator[tuple[int, Records]]:
        """Yield all entries in key order, for equal keys the newest first, and where in the file their block is.

        Keys end with LevelDB's tags. Where a block has many entries, they come in several pieces.
        """
        try:
            with self.path.open("rb", buffering=0) as stream:
                size = self.path.stat().st_size
                if size != self.file.size:
                    raise damaged(self.path, f"{size} bytes long, where the manifest says {self.file.size}")
                for index in self._block(stream, *self._index_handle(stream, size)):
                    for _key, handle in index:
                        offset, length, _ = self._handle(handle, 0)
                        yield from ((offset, piece) for piece in self._block(stream, offset, length))
        except OSError as error:
            raise unreadable(self.path, error) from error

    def entries(self) -> Iterator[Entry]:
        """Yield all entries, one by one."""
        for offset, block in self.blocks():
            yield from self.entries_of(offset, block)

    def entries_of(self, offset: int, block: Records) -> Iterator[Entry]:
        """Yield the entries of a block that is at `offset`, one by one."""
        for key, value in block:
            if len(key) < TAG:
                raise damaged(self.path, f"a key without sequence number in the block at byte {offset}")
            tag = int.from_bytes(key[-TAG:], "little")
            if tag & 0xFF > 1:
                raise damaged(self.path, f"an entry of type {tag & 0xFF} in the block at byte {offset}")
            yield key[:-TAG], tag, value

    def _index_handle(self, stream: FileIO, size: int) -> tuple[int, int]:
        """Return offset and size of the index block."""
        if size < FOOTER:
            raise damaged(self.path, f"{size} bytes are no table")
        stream.seek(size - FOOTER)
        footer = stream.read(FOOTER)
        if int.from_bytes(footer[-8:], "little") != MAGIC:
            raise damaged(self.path, "the file does not end as a table does")
        _, _, position = self._handle(footer, 0)
        offset, length, _ = self._handle(footer, position)
        return offset, length

    def _handle(self, data: bytes, position: int) -> tuple[int, int, int]:
        """Return offset and size of a block from its handle, and the position behind it."""
        try:
            offset, position = varint(data, position)
            length, position = varint(data, position)
        except IndexError:
            raise damaged(self.path, "a block handle that is cut short") from None
        return offset, length, position

    def _block(self, stream: FileIO, offset: int, length: int) -> Iterator[Records]:
        """Yield the entries of the block at `offset`, checked and decompressed."""
        if offset + length + TRAILER > self.file.size:
            raise damaged(self.path, f"a block at byte {offset} of {length} bytes would lie outside the file")
        stream.seek(offset)
        stored = stream.read(length + TRAILER)
        checked, crc = np.frombuffer(stored, np.uint8)[:-4], int.from_bytes(stored[-4:], "little")
        if len(stored) != length + TRAILER or masked_crc(checked) != crc:
            raise damaged(self.path, f"wrong checksum of the block at byte {offset}")
        try:
            yield from read_entries(self._decompress(stored[length], checked[:-1], offset))
        except IndexError as error:
            raise damaged(self.path, f"the block at byte {offset} cannot be read ({error})") from None

    def _decompress(self, kind: int, stored: Array, offset: int) -> Array:
        """Return the content of a block of the given compression type."""
        if kind == RAW:
            return stored
        if kind != SNAPPY:
            name = {ZLIB: "zlib", ZSTD: "zstd"}.get(kind, f"type {kind}")
            raise UnsupportedError(
                "the LevelDB is compressed in a way that is not supported",
                expected="blocks stored raw or with snappy",
                got=f"`{self.path}`: {name} at byte {offset}",
                hint="write the database again with snappy, LevelDB's default",
            )
        try:
            # Snappy's own header says how long the result is.
            if varint(stored[:10].tobytes(), 0)[0] > len(stored) * _MOST_SNAPPY_EXPANSION:
                raise ValueError("impossible length")
            return sealed(np.frombuffer(memoryview(cramjam.snappy.decompress_raw(stored.data)), np.uint8))
        except (IndexError, ValueError, cramjam.DecompressionError):
            raise damaged(self.path, f"the block at byte {offset} does not decompress") from None


def read_entries(block: Array) -> Iterator[Records]:
    """Yield the entries of a block's content, some at a time; IndexError where it cannot be read.

    The restart points at the end serve seeking only.
    """
    if len(block) < 4:
        raise IndexError("no restart points")
    end = len(block) - 4 * (int.from_bytes(block[-4:], "little") + 1)
    if end < 0:
        raise IndexError("more restart points than bytes")
    position, last = 0, block[:0]
    while position < end:
        keys, spans = np.empty(len(last) + len(block), np.uint8), np.empty((_ROWS, 4), np.int64)
        keys[: len(last)] = last
        count, position, status = block_entries(block, position, end, len(last), keys, spans)
        if count:
            records = Records(keys, block, spans[:count])
            yield records
            last = records.keys[spans[count - 1, 0] : spans[count - 1, 1]]
        if status != FINE:
            raise IndexError(_WRONG[status])
