"""LevelDB, read without its library: no lock, no writes, any platform.

A database is a folder: `CURRENT` names the manifest, a log of edits whose sum is the list of live tables and the
number of the write-ahead log; tables hold sorted entries; logs newer than that number hold what is in no table yet.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from pycaffelite.data.records import Item, Records, from_position, grouped
from pycaffelite.data.sources.base import Source
from pycaffelite.data.sources.damage import damaged, unreadable
from pycaffelite.data.sources.leveldb_log import LogEntry, batch_entries, read_log
from pycaffelite.data.sources.leveldb_manifest import TableFile, Version, read_version
from pycaffelite.data.sources.leveldb_table import SUFFIXES, Entry, Table
from pycaffelite.kernels.records import TAG, count_plain


class LevelDBSource(Source):
    """A LevelDB folder as it was when it was opened.

    Args:
        path: The folder.
        notify: Takes the note that a log ends in an unfinished write, as a crash of its writer leaves it.
    """

    backend = "leveldb"

    def __init__(self, path: Path, *, notify: Callable[[str], None] = lambda _message: None) -> None:
        super().__init__(path)
        self._notify = notify
        version = read_version(path)
        self._memory = self._replay(version)
        self._runs = [[Table(path, file) for file in run] for run in sorted_runs(list(version.tables.values()))]

    def pieces(self, start: int = 0) -> Iterator[Records]:
        """Return an iterator over the live records, a block at a time where the tables need not be merged."""
        if len(self._runs) == 1 and not self._memory:
            return from_position(start, self._blocks(self._runs[0]))
        streams = [_chain(run) for run in self._runs] + [iter(self._memory)]
        entries = heapq.merge(*streams, key=lambda entry: (entry[0], -entry[1]))
        return from_position(start, grouped(self._live(entries, None)))

    def _blocks(self, run: list[Table]) -> Iterator[Records]:
        """Yield the live records of tables whose key ranges follow one another."""
        previous: bytes | None = None
        for table in run:
            for offset, block in table.blocks():
                plain = count_plain(block.keys, block.spans, True) == len(block)
                if plain and (previous is None or block.key(0)[:-TAG] > previous):
                    yield Records(block.keys, block.content, block.spans - [0, TAG, 0, 0])
                else:
                    yield from grouped(self._live(table.entries_of(offset, block), previous))
                previous = block.key(-1)[:-TAG]

    def _live(self, entries: Iterable[Entry], previous: bytes | None) -> Iterator[Item]:
        """Yield the newest of the entries of each key after `previous`, unless it is a deletion."""
        for key, tag, value in entries:
            if previous is not None and key <= previous:
                if key < previous:
                    raise damaged(self.path, f"key {key!r} comes after {previous!r}")
                continue  # an older version of the same key
            previous = key
            if tag & 0xFF:  # 0 marks a deletion
                yield key, value

    def _replay(self, version: Version) -> list[Entry]:
        """Return the newest entry of each key in the write-ahead logs, sorted by key."""
        newest: dict[bytes, LogEntry] = {}
        for path in self._logs(version):
            batches, torn = read_log(path)
            if torn:
                self._notify(f"`{path}` ends in an unfinished write, which is left out")
            for batch in batches:
                for key, entry in batch_entries(path, batch):
                    if key not in newest or entry[0] > newest[key][0]:
                        newest[key] = entry
        return [(key, *newest[key]) for key in sorted(newest)]

    def _logs(self, version: Version) -> list[Path]:
        """Return the logs that may hold entries that no table has, oldest first."""
        try:
            numbers = {int(log.stem): log for log in self.path.glob("*.log") if log.stem.isdigit()}
        except OSError as error:
            raise unreadable(self.path, error) from error
        if version.log_number not in numbers:
            self._check_without_log(version)
        return [numbers[n] for n in sorted(numbers) if n >= version.log_number or n == version.previous_log_number]

    def _check_without_log(self, version: Version) -> None:
        """Raise DataError unless the missing log can have been an empty one, which a copy may lack.

        LevelDB deletes a log when its records are in a table and the manifest says so. Where the manifest does not
        know all tables, it was cut short, and asks for a log that is long gone.
        """
        log = self.path / f"{version.log_number:06d}.log"
        known = {file.number for file in version.tables.values()}
        found = {int(path.stem) for path in self.path.iterdir() if path.suffix in SUFFIXES and path.stem.isdigit()}
        if version.torn or not known or found - known:
            raise damaged(log, "the write-ahead log, which holds the newest records, is missing")
        self._notify(f"`{log}` is missing: if it held records, they are lost")


def sorted_runs(files: list[TableFile]) -> list[list[TableFile]]:
    """Divide tables into as few runs as a greedy pass finds, so that in each the key ranges follow one another."""
    runs: list[list[TableFile]] = []
    for file in sorted(files, key=lambda file: (file.smallest, file.number)):
        run = next((run for run in runs if run[-1].largest < file.smallest), None)
        if run is None:
            runs.append([file])
        else:
            run.append(file)
    return runs


def _chain(run: list[Table]) -> Iterator[Entry]:
    """Return the entries of tables whose key ranges follow one another."""
    for table in run:
        yield from table.entries()
