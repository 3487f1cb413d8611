"""Atomic writing: a file stands under its name complete, or not at all."""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType

from pycaffelite.errors import Location, SnapshotError

Chunk = bytes | memoryview
_LEFTOVER_AGE = 3600  # seconds


class Staged:
    """Files that appear together: written under temporary names first, renamed when all of them are safe on disk.

    Used in a `with` statement; whatever was not committed at its end is removed.
    """

    def __init__(self) -> None:
        self._waiting: list[tuple[Path, Path]] = []

    def write(self, path: Path, chunks: Iterable[Chunk]) -> str:
        """Write a temporary file beside `path` and force it to disk; return the SHA-256 of its content.

        Raises:
            SnapshotError: The disk is full, the folder is not writable, or the like.
        """
        # In the same folder, since a rename works only within a file system; ours alone, by the process id.
        temporary = path.with_name(f".{path.name}.{os.getpid()}.partial")
        digest = hashlib.sha256()
        self._waiting.append((temporary, path))
        try:
            with temporary.open("wb") as file:
                for chunk in chunks:
                    file.write(chunk)
                    digest.update(chunk)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            self.discard()
            raise cannot_write(path, error) from None
        return digest.hexdigest()

    def commit(self) -> None:
        """Give the files their names, in the order in which they were written."""
        try:
            while self._waiting:
                temporary, path = self._waiting[0]
                temporary.replace(path)
                del self._waiting[0]
                _sync_folder(path.parent)
        except OSError as error:
            path = self._waiting[0][1]
            self.discard()
            raise cannot_write(path, error) from None

    def discard(self) -> None:
        """Remove what has not been committed."""
        for temporary, _path in self._waiting:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
        self._waiting.clear()

    def __enter__(self) -> Staged:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        self.discard()


def write_atomically(path: Path, chunks: Iterable[Chunk]) -> None:
    """Write one file; the old one stays whole until the new one is.

    Raises:
        SnapshotError: It cannot be written.
    """
    with Staged() as staged:
        staged.write(path, chunks)
        staged.commit()


def make_folder(folder: Path) -> None:
    """Make a folder and those above it.

    Raises:
        SnapshotError: It cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(folder, error) from None


def try_folder(folder: Path) -> None:
    """Make sure that files can be written there, by writing one.

    Raises:
        SnapshotError: They cannot.
    """
    make_folder(folder)
    with Staged() as staged:
        try:
            staged.write(folder / "write-test", [b"\0"])
        except SnapshotError as error:
            error.where = Location(str(folder))
            raise


def remove_leftovers(prefix: str) -> None:
    """Remove what killed trainings left half-written under a prefix; what is young may be another one's work."""
    folder, stem = Path(prefix).parent, Path(prefix).name
    oldest = time.time() - _LEFTOVER_AGE
    with contextlib.suppress(OSError):
        for path in folder.iterdir():
            if path.name.startswith(f".{stem}_") and path.name.endswith(".partial") and path.stat().st_mtime < oldest:
                path.unlink()


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file's content.

    Raises:
        SnapshotError: It cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise cannot_read(path, error) from None


def read_bytes(path: Path) -> bytes:
    """Return a file's content.

    Raises:
        SnapshotError: It cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise cannot_read(path, error) from None


def cannot_read(path: Path, error: OSError) -> SnapshotError:
    """Make the error for a file that cannot be opened or read."""
    if isinstance(error, FileNotFoundError):
        return SnapshotError("no such file", where=Location(str(path)))
    if isinstance(error, IsADirectoryError):
        return SnapshotError("a folder, where a file is needed", where=Location(str(path)))
    return SnapshotError("cannot read this file", where=Location(str(path)), got=error.strerror or str(error))


def cannot_write(path: Path, error: OSError) -> SnapshotError:
    """Make the error for a file that cannot be written."""
    return SnapshotError(
        "cannot write this file",
        where=Location(str(path)),
        got=error.strerror or str(error),
        hint="files that stood there before are unharmed; make room, or set another snapshot_prefix",
    )


def _sync_folder(folder: Path) -> None:
    """Force the folder's entries to disk, where the system can."""
    with contextlib.suppress(OSError):  # not on Windows, and not on every file system
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
