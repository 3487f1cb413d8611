"""Makes databases: complete or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

from pycaffelite.data.sources.base import Item
from pycaffelite.data.sources.leveldb_writer import write_leveldb
from pycaffelite.data.sources.lmdb_writer import write_lmdb
from pycaffelite.errors import DataError

WRITERS = {"leveldb": write_leveldb, "lmdb": write_lmdb}


def write_database(path: Path, backend: str, items: Iterable[Item], *, force: bool = False) -> int:
    """Write records, whose keys must ascend, as a new database; return their number.

    The work is done in a temporary folder beside `path`, which takes the name at the end: whoever reads sees the old
    database or the new one, and an interrupted run leaves what was there.

    Args:
        path: The folder to be.
        backend: "leveldb" or "lmdb".
        items: The records.
        force: Whether an existing folder is replaced.
    """
    refuse_existing(path, force=force)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{path.name}-", dir=path.parent) as temporary:
            work = Path(temporary) / "new"
            work.mkdir()
            count = WRITERS[backend](work, items)
            _sync(work)
            _take_place(work, path, Path(temporary) / "old", force=force)
        return count
    except OSError as error:
        raise DataError(
            "the database cannot be written",
            got=f"`{path}`: {error.strerror or error}",
            hint="is there room on the disk, and may you write to the folder?",
        ) from error


def refuse_existing(path: Path, *, force: bool) -> None:
    """Raise DataError when something lies at `path` that must stay."""
    if path.exists() and not force:
        raise DataError(
            "the database exists already",
            got=f"`{path}`",
            hint="use it as it is, remove it, or pass --force to make it again",
        )


def _take_place(work: Path, path: Path, aside: Path, *, force: bool) -> None:
    """Give the finished folder its name."""
    if force and path.exists():
        path.rename(aside)
    try:
        work.rename(path)
    except OSError:
        if aside.exists() and not path.exists():
            aside.rename(path)
        elif path.exists():  # another process was quicker
            refuse_existing(path, force=False)
        raise
    shutil.rmtree(aside, ignore_errors=True)


def _sync(folder: Path) -> None:
    """Make sure that every file of the folder is on the disk."""
    for file in folder.iterdir():
        with file.open("rb+") as stream:
            os.fsync(stream.fileno())
