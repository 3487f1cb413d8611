"""LevelDB's sorted tables (.ldb, .sst).

A table is a row of blocks: data blocks, a metaindex (unused here), an index block whose values are the handles
(offset, size) of the data blocks, and a footer of 48 bytes with the handles of metaindex and index. A block is stored
raw or compressed, followed by one byte of type and a masked CRC-32C.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path

import cramjam

from pycaffelite.data.sources.damage import damaged, unreadable
from pycaffelite.data.sources.leveldb_log import masked_crc, varint
from pycaffelite.data.sources.leveldb_manifest import TableFile
from pycaffelite.errors import UnsupportedError

SUFFIXES = (".ldb", ".sst")  # of table files; the second is of old versions
MAGIC = 0xDB4775248B80FB57
FOOTER = 48  # bytes
TRAILER = 5  # bytes: type and checksum
RAW, SNAPPY, ZLIB, ZSTD = 0, 1, 2, 4

# No compressor that LevelDB knows goes further than this: a length beyond it is damage, found before memory is taken.
_MOST_SNAPPY_EXPANSION = 32

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

    def entries(self) -> Iterator[Entry]:
        """Yield all entries in key order, for equal keys the newest first."""
        try:
            with self.path.open("rb") as stream:
                size = self.path.stat().st_size
                if size != self.file.size:
                    raise damaged(self.path, f"{size} bytes long, where the manifest says {self.file.size}")
                for _key, handle in self._block(stream, *self._index_handle(stream, size)):
                    yield from self._data(stream, *self._handle(handle, 0)[:2])
        except OSError as error:
            raise unreadable(self.path, error) from error

    def _data(self, stream: BufferedReader, offset: int, length: int) -> Iterator[Entry]:
        """Yield the entries of one data block."""
        for key, value in self._block(stream, offset, length):
            if len(key) < 8:
                raise damaged(self.path, f"a key without sequence number in the block at byte {offset}")
            tag = int.from_bytes(key[-8:], "little")
            if tag & 0xFF > 1:
                raise damaged(self.path, f"an entry of type {tag & 0xFF} in the block at byte {offset}")
            yield key[:-8], tag, value

    def _index_handle(self, stream: BufferedReader, size: int) -> tuple[int, int]:
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

    def _block(self, stream: BufferedReader, offset: int, length: int) -> Iterator[tuple[bytes, bytes]]:
        """Yield keys and values of the block at `offset`, checked and decompressed."""
        if offset + length + TRAILER > self.file.size:
            raise damaged(self.path, f"a block at byte {offset} of {length} bytes would lie outside the file")
        stream.seek(offset)
        stored = stream.read(length + TRAILER)
        if len(stored) != length + TRAILER or masked_crc(stored[:-4]) != int.from_bytes(stored[-4:], "little"):
            raise damaged(self.path, f"wrong checksum of the block at byte {offset}")
        content = self._decompress(stored[length], stored[:length], offset)
        try:
            yield from block_entries(content)
        except IndexError as error:
            raise damaged(self.path, f"the block at byte {offset} cannot be read ({error})") from None

    def _decompress(self, kind: int, stored: bytes, offset: int) -> bytes:
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
            if varint(stored, 0)[0] > len(stored) * _MOST_SNAPPY_EXPANSION:
                raise ValueError("impossible length")
            return bytes(cramjam.snappy.decompress_raw(stored))
        except (IndexError, ValueError, cramjam.DecompressionError):
            raise damaged(self.path, f"the block at byte {offset} does not decompress") from None


def block_entries(block: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield keys and values of a block's content; IndexError where it cannot be read.

    An entry gives the number of bytes that its key shares with the key before, the number of its own, the length of
    the value, and then both. The restart points at the end serve seeking only.
    """
    if len(block) < 4:
        raise IndexError("no restart points")
    (restarts,) = struct.unpack_from("<I", block, len(block) - 4)
    limit = len(block) - 4 * (restarts + 1)
    if limit < 0:
        raise IndexError("more restart points than bytes")
    position, key = 0, b""
    while position < limit:
        shared, own, length, more = block[position : position + 4]  # at least a restart point's bytes come behind
        if shared | own < 0x80 and length < 0x80:
            position += 3
        elif shared | own | more < 0x80:
            length, position = length & 0x7F | more << 7, position + 4
        else:
            shared, position = varint(block, position)
            own, position = varint(block, position)
            length, position = varint(block, position)
        value_at = position + own
        if shared > len(key) or value_at + length > limit:
            raise IndexError("an entry beyond its end")
        key = key[:shared] + block[position:value_at]
        position = value_at + length
        yield key, block[value_at:position]
