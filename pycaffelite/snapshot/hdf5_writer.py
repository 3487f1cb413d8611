"""An HDF5 file as pieces of bytes: the library lays it out in memory, and the numbers stay where they are.

A full disk cannot upset the library so, and weights are not copied: it only makes room for them.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import h5py
import numpy as np

from pycaffelite.blob import Array
from pycaffelite.snapshot.files import Chunk

_PAGE = 1 << 12  # bytes


class Hdf5Writer:
    """Makes one file.

    Attributes:
        file: The `h5py.File`.
    """

    def __init__(self, file: Any) -> None:
        self.file = file
        self._arrays: list[tuple[int, Array]] = []

    def put(self, group: Any, name: str, array: Array) -> None:
        """Add a dataset with the numbers of an array, which must not change until the pieces are used."""
        reserved = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        reserved.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
        reserved.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
        reserved.set_obj_track_times(False)  # the same training writes the same bytes
        kind = h5py.h5t.py_create(array.dtype.newbyteorder("<"))
        space = h5py.h5s.create_simple(array.shape) if array.shape else h5py.h5s.create(h5py.h5s.SCALAR)
        dataset = h5py.h5d.create(group.id, name.encode(), kind, space, reserved)
        if array.size:
            self._arrays.append((dataset.get_offset(), array))

    def pieces(self, memory: _Pages) -> list[Chunk]:
        """Return the bytes of the file, once the library has closed it."""
        chunks: list[Chunk] = []
        at = 0
        for start, array in sorted(self._arrays, key=lambda entry: entry[0]):
            little = np.ascontiguousarray(array, array.dtype.newbyteorder("<")).reshape(-1)
            chunks += [memory.between(at, start), little.view(np.uint8).data]
            at = start + little.nbytes
        return [*chunks, memory.between(at, memory.size)]


@contextmanager
def written() -> Iterator[tuple[Hdf5Writer, list[Chunk]]]:
    """Give a writer, and a list that receives the pieces of its file."""
    memory = _Pages()
    chunks: list[Chunk] = []
    with h5py.File(memory, "w") as file:
        writer = Hdf5Writer(file)
        yield writer, chunks
    chunks += writer.pieces(memory)


class _Pages(io.RawIOBase):
    """A file in memory as h5py wants one; where nothing was written are zeros, which take no room."""

    def __init__(self) -> None:
        super().__init__()
        self.size = 0
        self._at = 0
        self._pages: dict[int, bytearray] = {}

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._at = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self.size}[whence]
        return self._at

    def tell(self) -> int:
        return self._at

    def truncate(self, size: int | None = None) -> int:
        self.size = self._at if size is None else size
        return self.size

    def write(self, data: Any) -> int:
        content = memoryview(data).cast("B")
        for start, page, begin, end in _parts(self._at, self._at + len(content)):
            kept = self._pages.setdefault(page, bytearray(_PAGE))
            kept[begin:end] = content[start : start + end - begin]
        self._at += len(content)
        self.size = max(self.size, self._at)
        return len(content)

    def readinto(self, target: Any) -> int:
        view = memoryview(target).cast("B")
        content = self.between(self._at, min(self._at + len(view), self.size))
        view[: len(content)] = content
        self._at += len(content)
        return len(content)

    def between(self, start: int, end: int) -> bytes:
        """Return the bytes between two offsets."""
        empty = bytes(_PAGE)
        return b"".join(self._pages.get(page, empty)[begin:end] for _, page, begin, end in _parts(start, end))


def _parts(start: int, end: int) -> Iterator[tuple[int, int, int, int]]:
    """Cut a range of bytes into pages: yield the offset in the range, the page, and begin and end in it."""
    at = start
    while at < end:
        page, begin = divmod(at, _PAGE)
        stop = min(_PAGE, begin + end - at)
        yield at - start, page, begin, stop
        at += stop - begin
