"""Writes rows of arrays to an HDF5 file, pass by pass."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from pycaffelite.errors import DataError

Array = npt.NDArray[Any]


class RowsFile:
    """A file of datasets to which every pass adds rows.

    The first pass makes the file under another name, which it gives up only when it is whole: until then, whatever had
    the name stays as it was. Later passes add to it.

    Args:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._begun = False

    def add(self, datasets: Mapping[str, Array]) -> None:
        """Add rows to each dataset; they must be of the shape of those before."""
        try:
            if self._begun:
                self._append(datasets)
            else:
                self._begin(datasets)
        except (OSError, RuntimeError) as error:
            raise DataError(
                "the HDF5 file cannot be written",
                got=f"`{self.path}`: {getattr(error, 'strerror', None) or error}",
                hint="is there room on the disk, and may you write to the folder?",
            ) from error

    def _begin(self, datasets: Mapping[str, Array]) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{self.path.name}-", dir=self.path.parent) as folder:
            new = Path(folder) / "new"
            with h5py.File(new, "w") as file:
                for name, rows in datasets.items():
                    file.create_dataset(name, data=rows, maxshape=(None, *rows.shape[1:]), chunks=_chunk(rows))
            _sync(new)
            new.replace(self.path)
        self._begun = True

    def _append(self, datasets: Mapping[str, Array]) -> None:
        with h5py.File(self.path, "r+") as file:
            for name, rows in datasets.items():
                before = file[name].shape
                if before[1:] != rows.shape[1:]:
                    raise DataError(
                        f"rows of `{name}` change their shape from pass to pass",
                        expected=f"rows of shape {before[1:]}, as `{self.path}` has",
                        got=str(rows.shape[1:]),
                    )
            for name, rows in datasets.items():
                dataset = file[name]
                start = len(dataset)
                dataset.resize(start + len(rows), 0)
                dataset[start:] = rows
        _sync(self.path)


def _chunk(rows: Array) -> tuple[int, ...]:
    """Return the shape of what the file keeps together: some rows, as many as make about 64 KiB."""
    row = max(1, rows[:1].nbytes)
    return (int(np.clip((1 << 16) // row, 1, max(1, len(rows)))), *(max(1, length) for length in rows.shape[1:]))


def _sync(path: Path) -> None:
    """Make sure that a file is on the disk."""
    with path.open("rb+") as stream:
        os.fsync(stream.fileno())
