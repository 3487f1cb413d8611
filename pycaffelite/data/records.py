"""Records as they are read: many at a time, in the memory that they were read into."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from pycaffelite.errors import DataError

Array = npt.NDArray[Any]
Item = tuple[bytes, bytes]  # key, value

_GROUP, _GROUP_BYTES = 64, 1 << 16  # single records are put together until there are so many of them


class Records:
    """Records that follow one another in the order of their keys.

    Args:
        keys: Bytes that hold the keys.
        content: Bytes that hold the values; may be the same.
        spans: int64 (N, 4): where in `keys` a key begins and ends, and where in `content` its value.
    """

    __slots__ = ("content", "keys", "spans")

    def __init__(self, keys: Array, content: Array, spans: Array) -> None:
        self.keys = sealed(keys)
        self.content = sealed(content)
        self.spans = spans

    @classmethod
    def of(cls, items: list[Item]) -> Records:
        """Return records that are copies of items."""
        ends = np.cumsum([(len(key), len(value)) for key, value in items], axis=0, dtype=np.int64).reshape(-1, 2)
        begins = ends - [(len(key), len(value)) for key, value in items]
        spans = np.stack([begins[:, 0], ends[:, 0], begins[:, 1], ends[:, 1]], axis=1)
        keys, content = (np.frombuffer(b"".join(parts), np.uint8) for parts in zip(*items, strict=True))
        return cls(keys, content, spans)

    def __len__(self) -> int:
        return len(self.spans)

    def __getitem__(self, rows: slice) -> Records:
        return Records(self.keys, self.content, np.ascontiguousarray(self.spans[rows]))

    def __iter__(self) -> Iterator[Item]:
        """Return an iterator over keys and values."""
        keys, content = self.keys.data, self.content.data
        for begin, end, value, value_end in self.spans.tolist():
            yield bytes(keys[begin:end]), bytes(content[value:value_end])

    def key(self, n: int) -> bytes:
        """Return one key."""
        return self.keys[self.spans[n, 0] : self.spans[n, 1]].tobytes()


def grouped(items: Iterable[Item]) -> Iterator[Records]:
    """Yield items as records, some at a time; those before damage come before its error."""
    found: list[Item] = []
    size = 0
    try:
        for item in items:
            found.append(item)
            size += len(item[1])
            if len(found) == _GROUP or size >= _GROUP_BYTES:
                yield Records.of(found)
                found, size = [], 0
    except DataError:
        if found:
            yield Records.of(found)
        raise
    if found:
        yield Records.of(found)


def from_position(start: int, pieces: Iterable[Records]) -> Iterator[Records]:
    """Yield records from the ordinal position `start` on."""
    for piece in pieces:
        if start < len(piece):
            yield piece[start:] if start else piece
        start = max(0, start - len(piece))


def sealed(array: Array) -> Array:
    """Return the array to be read only, as what is read from a file is: the kernels have one signature."""
    if array.flags.writeable:
        array = array.view()
        array.flags.writeable = False
    return array
