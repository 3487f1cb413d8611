"""Writes an LMDB database, with the library."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

import lmdb

from pycaffelite.data.sources.base import Item

_BATCH = 1000  # records a transaction
_FIRST_MAP = 1 << 26  # bytes; it grows


def write_lmdb(folder: Path, items: Iterable[Item]) -> int:
    """Write records, whose keys must ascend, into an empty folder; return their number."""
    environment = lmdb.open(str(folder), map_size=_FIRST_MAP, lock=False, sync=True, metasync=True)
    try:
        iterator, count = iter(items), 0
        while batch := list(islice(iterator, _BATCH)):
            _put(environment, batch)
            count += len(batch)
    finally:
        environment.close()
    return count


def _put(environment: lmdb.Environment, batch: list[Item]) -> None:
    """Write a batch in one transaction, with a larger map where it does not fit."""
    for _ in _doublings(environment):
        try:
            with environment.begin(write=True) as transaction:
                for key, value in batch:
                    if not transaction.put(key, value, overwrite=False, append=True):
                        raise ValueError(f"keys must ascend: {key!r} does not")
            return
        except lmdb.MapFullError:
            continue


def _doublings(environment: lmdb.Environment) -> Iterator[None]:
    """Yield, and double the map's size each time before going on."""
    while True:
        yield
        environment.set_mapsize(environment.info()["map_size"] * 2)
