"""LMDB, read without its library, and written with it.

The library maps the file into memory and trusts it: a damaged file ends the process, and one file cannot be opened
twice in a process. Here every page is read and checked, no lock is taken and nothing written.

A file is a row of pages. Pages 0 and 1 are metas; the one of the later transaction names the root of a B+ tree.
Page header: page number (8 bytes), padding (2), flags (2), end of the node offsets (2), start of the nodes (2), or for
overflow pages their count (4); then the offsets of the nodes, 2 bytes each. Pages that follow one another in the file
are read together.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from io import FileIO
from pathlib import Path

import numpy as np

from pycaffelite.data.records import Records
from pycaffelite.data.sources.base import Source
from pycaffelite.data.sources.damage import damaged, unreadable
from pycaffelite.errors import DataError, UnsupportedError
from pycaffelite.kernels.pages import (
    BRANCH,
    FINE,
    HEADER,
    LEAF,
    META,
    OUTSIDE,
    OVERFLOW,
    WRONG_KIND,
    WRONG_NUMBER,
    leaf_records,
    long_values,
)
from pycaffelite.kernels.records import count_plain

MAGIC, VERSION = 0xBEEFC0DE, 1
_DEEPEST = 32  # levels of a tree, as LMDB has it
NO_PAGE = 0xFFFF_FFFF_FFFF_FFFF

_PAGE = struct.Struct("<QHHHH")
_META = struct.Struct("<IIQQ")  # magic, version, address, map size
_TREE = struct.Struct("<IHHQQQQQ")  # page size or padding, flags, depth, branch, leaf, overflow pages, entries, root
_NODE = struct.Struct("<HHH")  # of a branch: low, high and highest part of a page number

_RUN = 1 << 17  # bytes that are read at once at most, where no single value is longer
_ROWS = 256  # records at a time
_WRONG = {
    WRONG_NUMBER: "page {} is not what it should be",
    WRONG_KIND: "page {} is not the kind of page that it should be",
    OUTSIDE: "a record of page {} lies outside the page",
}


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
            with self.file.open("rb", buffering=0) as stream:
                self.meta = read_meta(self.file, stream)
        except OSError as error:
            raise unreadable(self.file, error) from error

    def __len__(self) -> int:
        """Return the number of records, as the meta page says."""
        return self.meta.entries

    def pieces(self, start: int = 0) -> Iterator[Records]:
        """Yield the records from the ordinal position `start` on, some leaves at a time.

        Long values before it are not read.
        """
        position, previous = 0, None
        try:
            with self.file.open("rb", buffering=0) as stream:
                tree = _Tree(self.file, stream, self.meta)
                for piece, long in tree.walk():
                    count = self._count_good(piece, previous, self.meta.entries - position)
                    good = piece[max(0, start - position) : count]
                    if len(good):
                        yield from tree.long_values(good) if long else (good,)
                    position += count
                    if count < len(piece):
                        raise self._bad_record(piece, count, previous)
                    previous = piece.key(-1)
        except OSError as error:
            raise unreadable(self.file, error) from error
        if position != self.meta.entries:
            raise damaged(self.file, f"{position} records, where the file says {self.meta.entries}")

    def _count_good(self, piece: Records, previous: bytes | None, most: int) -> int:
        """Return how many of these records are in order, and no more than the file says."""
        ordered = count_plain(piece.keys, piece.spans, False) if previous is None or piece.key(0) > previous else 0
        return min(ordered, most)

    def _bad_record(self, piece: Records, n: int, previous: bytes | None) -> DataError:
        """Return the error for a record that is one too many or comes too late."""
        key, before = piece.key(n), piece.key(n - 1) if n else previous
        if before is not None and key <= before:
            return damaged(self.file, f"key {key!r} comes after {before!r}")
        return damaged(self.file, f"more records than the {self.meta.entries} that the file says")


def read_meta(path: Path, stream: FileIO) -> Meta:
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
    if meta.entries > size:
        raise damaged(path, f"{size} bytes long, which are too few for {meta.entries} records")
    return meta


def _meta_at(path: Path, stream: FileIO, offset: int) -> Meta | None:
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


class _Tree:
    """One walk over the B+ tree."""

    def __init__(self, path: Path, stream: FileIO, meta: Meta) -> None:
        self.path = path
        self.stream = stream
        self.meta = meta
        self._seen = 0  # pages on the way to the leaves, and these

    def walk(self) -> Iterator[tuple[Records, bool]]:
        """Yield records in key order, and whether their values are long: then spans have what `long_values` reads."""
        if self.meta.root != NO_PAGE:
            leaves = self._leaves(self.meta.root, self.meta.depth)
            for number, count, _ in self._runs((leaf, 1) for leaf in leaves):
                yield from self._records(number, count)

    def long_values(self, piece: Records) -> Iterator[Records]:
        """Yield records whose spans give a page and a size for each value, with the values read."""
        size, rows = self.meta.page_size, piece.spans[:, 2:].tolist()
        done = 0
        for first, count, together in self._runs((number, -(-(HEADER + length) // size)) for number, length in rows):
            pages = np.frombuffer(self._read(first, count), np.uint8)
            spans = piece.spans[done : done + together].copy()
            good = long_values(pages, size, spans)
            if good:
                yield Records(piece.keys, pages, spans[:good])
            if good < together:
                number = rows[done + good][0]
                self._read(number, 1)  # looks whether it is there at all
                raise damaged(self.path, f"page {number} should hold a long value and does not")
            done += together

    def _leaves(self, number: int, depth: int) -> Iterator[int]:
        """Yield the numbers of the leaves below a page; `depth` counts the levels from here down, 1 for leaves."""
        self._seen += 1
        if self._seen > self.meta.last_page:  # some of them again and again; without records that might take years
            raise damaged(self.path, "the tree has more pages than the file")
        if depth <= 1:
            yield number
            return
        page = self._read(number, 1)
        _, _, flags, lower, _ = _PAGE.unpack_from(page)
        if flags & (BRANCH | LEAF | OVERFLOW | META) != BRANCH or lower < HEADER or lower > len(page):
            raise damaged(self.path, f"page {number} is not the kind of page that it should be")
        for offset in struct.unpack_from(f"<{(lower - HEADER) // 2}H", page, HEADER):
            if offset + _NODE.size > len(page):
                raise damaged(self.path, f"a record of page {number} lies outside the page")
            low, high, top = _NODE.unpack_from(page, offset)
            yield from self._leaves(low | high << 16 | top << 32, depth - 1)

    def _runs(self, pages: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int, int]]:
        """Put pages (number, count) together that follow one another in the file: (number, count, how many)."""
        first = total = together = 0
        for number, count in pages:
            wanted = (total + count) * self.meta.page_size
            if number == first + total and number + count <= self.meta.last_page + 1 and wanted <= _RUN:
                total, together = total + count, together + 1
                continue
            if together:
                yield first, total, together
            first, total, together = number, count, 1
        if together:
            yield first, total, together

    def _records(self, number: int, count: int) -> Iterator[tuple[Records, bool]]:
        """Yield the records of `count` leaves from page `number` on, as `walk` does."""
        pages = np.frombuffer(self._read(number, count), np.uint8)
        page = node = 0
        while page < count:
            spans = np.empty((_ROWS, 4), np.int64)
            found, page, node, long, status = leaf_records(pages, self.meta.page_size, number, page, node, spans)
            if found:
                yield Records(pages, pages, spans[:found]), long
            if status != FINE:
                raise damaged(self.path, _WRONG[status].format(number + page))

    def _read(self, number: int, count: int) -> bytes:
        """Return `count` pages from page `number` on."""
        size = self.meta.page_size
        if number < 2 or number + count - 1 > self.meta.last_page:
            raise damaged(self.path, f"page {number % (1 << 64)} lies outside the file")
        self.stream.seek(number * size)
        pages = self.stream.read(count * size)
        if len(pages) != count * size or _PAGE.unpack_from(pages)[0] != number:
            raise damaged(self.path, f"page {number} is not what it should be")
        return pages
