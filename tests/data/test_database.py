from __future__ import annotations

from pathlib import Path

import pytest

from pycaffelite.data import database
from pycaffelite.data.database import write_database
from pycaffelite.data.source import open_source
from pycaffelite.errors import DataError

ITEMS = [(b"a", b"1"), (b"b", b"2")]

pytestmark = pytest.mark.parametrize("backend", ["leveldb", "lmdb"])


def test_writes_and_leaves_nothing_else(tmp_path, backend):
    path = tmp_path / "new" / "db"
    assert write_database(path, backend, ITEMS) == 2
    assert list(open_source(path).items()) == ITEMS
    assert [entry.name for entry in path.parent.iterdir()] == ["db"]


def test_existing_databases_stay(tmp_path, backend):
    path = tmp_path / "db"
    write_database(path, backend, ITEMS)
    with pytest.raises(DataError) as error:
        write_database(path, backend, [])
    assert str(error.value) == (
        f"error: the database exists already\n  got:      `{path}`\n\n"
        "hint: use it as it is, remove it, or pass --force to make it again"
    )
    assert list(open_source(path).items()) == ITEMS


def test_force_replaces(tmp_path, backend):
    path = tmp_path / "db"
    write_database(path, backend, ITEMS)
    write_database(path, backend, [(b"c", b"3")], force=True)
    assert list(open_source(path).items()) == [(b"c", b"3")]
    assert [entry.name for entry in tmp_path.iterdir()] == ["db"]


def test_an_interrupted_run_changes_nothing(tmp_path, backend):
    path = tmp_path / "db"
    write_database(path, backend, ITEMS)

    def broken():
        yield b"x", b"1"
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_database(path, backend, broken(), force=True)
    assert list(open_source(path).items()) == ITEMS
    assert [entry.name for entry in tmp_path.iterdir()] == ["db"]


def test_no_room_on_the_disk(tmp_path, backend, monkeypatch):
    def full(folder: Path, items: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setitem(database.WRITERS, backend, full)
    with pytest.raises(DataError, match="the database cannot be written") as error:
        write_database(tmp_path / "db", backend, ITEMS)
    assert error.value.got == f"`{tmp_path}/db`: No space left on device"
    assert list(tmp_path.iterdir()) == []
