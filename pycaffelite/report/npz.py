"""Arrays into an .npz file one by one, so that a net's blobs need not be in memory twice."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import numpy as np

from pycaffelite.blob import Array
from pycaffelite.errors import SnapshotError


class NpzWriter:
    """Writes what `np.load` reads; the file appears under its name only when it is complete.

    Args:
        path: The file; one that exists is replaced.

    Attributes:
        count: How many arrays were added.

    Raises:
        SnapshotError: The file cannot be written.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.count = 0
        self._temporary = self.path.with_name(f".{self.path.name}.{os.getpid()}.partial")
        try:
            if self.path.exists() and not self.path.is_file():
                # The end of the writing is a rename, which must not put a file in the place of a device.
                raise OSError("not a regular file")
            self._file = self._temporary.open("wb")
        except OSError as error:
            raise self._failure(error) from error
        self._zip = zipfile.ZipFile(self._file, "w", zipfile.ZIP_STORED, allowZip64=True)

    def __enter__(self) -> NpzWriter:
        return self

    def add(self, name: str, array: Array) -> None:
        """Add an array under a name."""
        try:
            with self._zip.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)
        except OSError as error:
            raise self._failure(error) from error
        self.count += 1

    def __exit__(self, kind: type[BaseException] | None, *_error: object) -> None:
        try:
            with self._file:
                self._zip.close()
                self._file.flush()
                os.fsync(self._file.fileno())
            if kind is None:
                self._temporary.replace(self.path)
        except OSError as error:
            if kind is None:
                raise self._failure(error) from error
        finally:
            self._temporary.unlink(missing_ok=True)

    def _failure(self, error: OSError) -> SnapshotError:
        return SnapshotError("the arrays cannot be written", got=f"`{self.path}`: {error.strerror or error}")
