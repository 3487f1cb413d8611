"""What every source of records is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path

from pycaffelite.data.records import Item, Records
from pycaffelite.errors import DataError

__all__ = ["Item", "Source"]


class Source(ABC):
    """Records (key, value) in the order of their keys.

    Reading takes no lock and writes nothing, so any number of processes may read one source, and a folder without
    write permission will do. Iterators are independent of each other and may run in other threads.

    Attributes:
        path: The folder or file.
        backend: "leveldb", "lmdb".
    """

    backend: str

    def __init__(self, path: Path) -> None:
        self.path = path
        self._count: int | None = None

    @abstractmethod
    def pieces(self, start: int = 0) -> Iterator[Records]:
        """Return an iterator over the records from the ordinal position `start` to the end, some at a time, never none.

        DataError as soon as it comes upon damage.
        """

    def records(self, start: int = 0) -> Iterator[Item]:
        """Return an iterator over the records from the ordinal position `start` to the end, one by one."""
        for piece in self.pieces(start):
            yield from piece

    def items(self) -> Iterator[Item]:
        """Return an iterator over all records."""
        return self.records()

    def __len__(self) -> int:
        """Return the number of records; may need to read all keys, once."""
        if self._count is None:
            self._count = sum(map(len, self.pieces()))
        return self._count

    def first(self) -> Item:
        """Return the first record, or raise DataError when there is none."""
        for item in self.records():
            return item
        raise DataError(
            "the database is empty",
            expected="at least one record",
            got=f"`{self.path}` with none",
            hint="was it made to the end? `pycaffelite data info` describes a database",
        )
