"""LMDB, read without its library, and written with it.

The library maps the file into memory and trusts it: a damaged file ends the process, and one file cannot be opened
twice in a process. Here every page is read and checked, no lock is taken and nothing written.

A file is a row of pages. Pages 0 and 1 are metas; the one of the later transaction names the root of a B+ tree.
Page header: page number (8 bytes), padding (2), flags (2), end of the node offsets (2), start of the nodes (2), or for
overflow pages their count (4); then the offsets of the nodes, 2 bytes each.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from io import BufferedIOBase
from pathlib import Path

from pycaffelite.data.sources.base import Item, Source
from pycaffelite.data.sources.damage import damaged, unreadable
from pycaffelite.errors import UnsupportedError

MAGIC, VERSION = 0xBEEFC0DE, 1
HEADER = 16  # bytes of a page header
BRANCH, LEAF, OVERFLOW, META = 0x01, 0x02, 0x04, 0x08  # flags of pages
BIG_DATA = 0x01  # flag of a node whose value is in overflow pages; the others belong to nested databases
_DEEPEST = 32  # levels of a tree, as LMDB has it
NO_PAGE = 0xFFFF_FFFF_FFFF_FFFF

_PAGE = struct.Struct("<QHHHH")
_META = struct.Struct("<IIQQ")  # magic, version, address, map size
_TREE = struct.Struct("<IHHQQQQQ")  # page size or padding, flags, depth, branch, leaf, overflow pages, entries, root
_NODE = struct.Struct("<HHHH")  # low and high half of a size or page number, flags, key size


@dataclass(frozen=True)
class Meta:
    """What a meta page says: page size in bytes, depth and root of the tree, number of entries, last page in use."""

    page_size: int
    depth: int
    entries: int
    root: int
    last_page: int
    transaction: int


class LMDBSource(Source):
    """An LMDB environment's main database: a folder with `data.mdb`, or that file."""

    backend = "lmdb"

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.file = path / "data.mdb" if path.is_dir() else path
        try:
            with self.file.open("rb") as stream:
                self.meta = read_meta(self.file, stream)
        except OSError as error:
            raise unreadable(self.file, error) from error

    def __len__(self) -> int:
        """Return the number of records, as the meta page says."""
        return self.meta.entries

    def items(self) -> Iterator[Item]:
        """Return an iterator over all records."""
        return self.records()

    def records(self, start: int = 0) -> Iterator[Item]:
        """Yield the records from the ordinal position `start` on; the values before it are not read."""
        position, previous = 0, None
        try:
            with self.file.open("rb") as stream:
                for key, value in _Tree(self.file, stream, self.meta).walk():
                    if previous is not None and key <= previous:
                        raise damaged(self.file, f"key {key!r} comes after {previous!r}")
                    previous = key
                    if position == self.meta.entries:
                        raise damaged(self.file, f"more records than the {position} that the file says")
                    if position >= start:
                        yield key, value.read()
                    position += 1
        except OSError as error:
            raise unreadable(self.file, error) from error
        if position != self.meta.entries:
            raise damaged(self.file, f"{position} records, where the file says {self.meta.entries}")


def read_meta(path: Path, stream: BufferedIOBase) -> Meta:
    """Return the meta page of the last transaction, checked against the size of the file."""
    size = os.fstat(stream.fileno()).st_size
    first = _meta_at(path, stream, 0)
    if first is None:
        raise damaged(path, "the file does not begin as an LMDB file does")
    metas = [first, _meta_at(path, stream, first.page_size)]
    meta = max((meta for meta in metas if meta is not None), key=lambda meta: meta.transaction)
    if (meta.last_page + 1) * meta.page_size > size:
        used = (meta.last_page + 1) * meta.page_size
        raise damaged(path, f"{size} bytes long, where {used} are in use; it was cut short")
    return meta


def _meta_at(path: Path, stream: BufferedIOBase, offset: int) -> Meta | None:
    """Return the meta page at `offset`, or None where there is none."""
    stream.seek(offset)
    page = stream.read(HEADER + _META.size + 2 * _TREE.size + 16)
    if len(page) < HEADER + _META.size + 2 * _TREE.size + 16:
        return None
    if struct.unpack_from("<I", page, 12)[0] == MAGIC:
        raise UnsupportedError(
            "this LMDB was written on a 32-bit machine",
            expected="an LMDB of a 64-bit machine",
            got=f"`{path}`",
            hint="write it again on a 64-bit machine",
        )
    magic, version, _address, _map_size = _META.unpack_from(page, HEADER)
    if magic != MAGIC:
        return None
    if version != VERSION:
        raise UnsupportedError(
            "unknown LMDB version", expected=f"version {VERSION}", got=f"version {version} in `{path}`"
        )
    page_size = _TREE.unpack_from(page, HEADER + _META.size)[0]
    if page_size not in (1 << bits for bits in range(8, 17)):
        raise damaged(path, f"a page size of {page_size} bytes")
    tree = _TREE.unpack_from(page, HEADER + _META.size + _TREE.size)
    if tree[2] > _DEEPEST:
        raise damaged(path, f"a tree of depth {tree[2]}")
    last_page, transaction = struct.unpack_from("<QQ", page, HEADER + _META.size + 2 * _TREE.size)
    if tree[1]:
        raise UnsupportedError(
            "the LMDB keeps its records in another form than Caffe's",
            expected="a database of plain keys and values",
            got=f"flags {tree[1]:#x} in `{path}`",
        )
    return Meta(page_size, tree[2], tree[6], tree[7], last_page, transaction)


@dataclass(frozen=True)
class _Value:
    """A value that is read when it is wanted: in the leaf itself, or in overflow pages."""

    tree: _Tree
    inline: bytes | None
    page: int
    size: int

    def read(self) -> bytes:
        return self.tree.overflow(self.page, self.size) if self.inline is None else self.inline


class _Tree:
    """One walk over the B+ tree."""

    def __init__(self, path: Path, stream: BufferedIOBase, meta: Meta) -> None:
        self.path = path
        self.stream = stream
        self.meta = meta

    def walk(self) -> Iterator[tuple[bytes, _Value]]:
        """Yield keys and values in key order."""
        if self.meta.root != NO_PAGE:
            yield from self._page(self.meta.root, self.meta.depth)

    def _page(self, number: int, depth: int) -> Iterator[tuple[bytes, _Value]]:
        """Yield what is below a page; `depth` counts the levels from here down, 1 for leaves."""
        page = self._read(number, 1)
        _, _, flags, lower, _ = _PAGE.unpack_from(page)
        wanted = LEAF if depth == 1 else BRANCH
        if flags & (BRANCH | LEAF | OVERFLOW | META) != wanted or lower < HEADER or lower > len(page):
            raise damaged(self.path, f"page {number} is not the kind of page that it should be")
        for offset in struct.unpack_from(f"<{(lower - HEADER) // 2}H", page, HEADER):
            if offset + _NODE.size > len(page):
                raise damaged(self.path, f"a record of page {number} lies outside the page")
            low, high, node_flags, key_size = _NODE.unpack_from(page, offset)
            data_at = offset + _NODE.size + key_size
            if wanted == BRANCH:
                yield from self._page(low | high << 16 | node_flags << 32, depth - 1)
            else:
                value = self._value(page, number, data_at, low | high << 16, node_flags)
                yield page[offset + _NODE.size : data_at], value

    def _value(self, page: bytes, number: int, at: int, size: int, flags: int) -> _Value:
        """Return the value of a leaf's node, whose data begin at `at`."""
        stored = 8 if flags & BIG_DATA else size
        if at + stored > len(page) or flags & ~BIG_DATA:
            raise damaged(self.path, f"a record of page {number} lies outside the page")
        if flags & BIG_DATA:
            return _Value(self, None, int.from_bytes(page[at : at + 8], "little"), size)
        return _Value(self, page[at : at + size], 0, size)

    def overflow(self, number: int, size: int) -> bytes:
        """Return a value of `size` bytes from the overflow pages that begin at page `number`."""
        count = (HEADER + size + self.meta.page_size - 1) // self.meta.page_size
        pages = self._read(number, count)
        if not _PAGE.unpack_from(pages)[2] & OVERFLOW:
            raise damaged(self.path, f"page {number} should hold a long value and does not")
        return pages[HEADER : HEADER + size]

    def _read(self, number: int, count: int) -> bytes:
        """Return `count` pages from page `number` on."""
        size = self.meta.page_size
        if number < 2 or number + count - 1 > self.meta.last_page:
            raise damaged(self.path, f"page {number} lies outside the file")
        self.stream.seek(number * size)
        pages = self.stream.read(count * size)
        if len(pages) != count * size or _PAGE.unpack_from(pages)[0] != number:
            raise damaged(self.path, f"page {number} is not what it should be")
        return pages
