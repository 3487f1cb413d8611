"""Opening a source of records: whatever keeps them, they come as (key, value) in key order."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pycaffelite.data.sources.base import Item, Source
from pycaffelite.data.sources.leveldb import LevelDBSource
from pycaffelite.data.sources.lmdb import LMDBSource
from pycaffelite.errors import DataError
from pycaffelite.names import did_you_mean

__all__ = ["Item", "Source", "detect_backend", "open_source"]


def open_source(
    path: str | Path, backend: str | None = None, *, notify: Callable[[str], None] = lambda _message: None
) -> Source:
    """Open a LevelDB or LMDB database for reading.

    Args:
        path: Its folder; for LMDB also the data file itself.
        backend: "LEVELDB" or "LMDB", as the prototxt says; None to find out. What lies in the folder decides in any
            case: a prototxt that names the other one gets a note.
        notify: Takes sentences that the user should read.
    """
    path = Path(path)
    found = detect_backend(path)
    if backend is not None and backend.lower() != found:
        notify(f"`{path}` is {_article(found)} database, though the net says {backend.upper()}; reading it as such")
    return LevelDBSource(path, notify=notify) if found == "leveldb" else LMDBSource(path)


def detect_backend(path: Path) -> str:
    """Return "leveldb" or "lmdb" by what lies at `path`, or raise DataError."""
    try:
        if path.is_dir():
            names = [entry.name for entry in path.iterdir()]
        elif path.is_file():
            return "lmdb" if path.suffix == ".mdb" else _refuse(path, "a file, which is neither")
        else:
            near = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
            raise DataError("there is no such database", got=f"`{path}`", hint=did_you_mean(path.name, near))
    except OSError as error:
        raise DataError("the database cannot be read", got=f"`{path}`: {error.strerror or error}") from error
    if "data.mdb" in names:
        return "lmdb"
    if any(name == "CURRENT" or name.startswith("MANIFEST-") or name.endswith((".ldb", ".sst")) for name in names):
        return "leveldb"
    return _refuse(path, f"a folder with {', '.join(f'`{name}`' for name in sorted(names)[:5]) or 'nothing in it'}")


def _refuse(path: Path, got: str) -> str:
    """Raise the error for something that is no database."""
    raise DataError(
        "this is no database",
        expected="a LevelDB folder (with the file `CURRENT`) or an LMDB folder (with `data.mdb`)",
        got=f"`{path}`: {got}",
        hint="`pycaffelite data mnist` makes the MNIST databases, `pycaffelite data digits` stand-ins for them",
    )


def _article(backend: str) -> str:
    return "a LevelDB" if backend == "leveldb" else "an LMDB"
