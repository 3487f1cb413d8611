"""Reads rows of arrays from a list of HDF5 files, in order or shuffled, over and over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pycaffelite.data.locate import locate_file
from pycaffelite.data.sources.hdf5 import count_rows, read_datasets, read_list
from pycaffelite.errors import DataError

Array = npt.NDArray[Any]


class RowReader:
    """Rows of the datasets `names` of all files of a list; one file is in memory at a time.

    Args:
        source: The list, a text file with one file name a line.
        folder: The prototxt's folder, where files are looked for after the working folder.
        names: The datasets.
        generator: Shuffles the files, and the rows of each; None keeps their order.
    """

    def __init__(
        self, source: str, folder: Path, names: Sequence[str], generator: np.random.Generator | None = None
    ) -> None:
        self.source = source
        self.folder = folder
        self.names = names
        self._generator = generator
        self._file = -1  # position in the order of the files; -1 before the first
        self._row = 0  # position in the order of the rows
        self._file_order = np.zeros(0, np.int64)
        self._row_order = np.zeros(0, np.int64)
        self._arrays: list[Array] = []
        self._random: dict[str, Any] | None = None  # the state from which the order of the rows was drawn

    @cached_property
    def files(self) -> list[Path]:
        """The files of the list."""
        names = read_list(locate_file(self.source, self.folder, what="list of HDF5 files"))
        return [locate_file(name, self.folder, what="HDF5 file") for name in names]

    def row_shapes(self) -> list[tuple[int, ...]]:
        """Return the shape of a row of each dataset."""
        self._begin()
        return [array.shape[1:] for array in self._arrays]

    def count(self) -> int:
        """Return the number of rows of all files."""
        return sum(count_rows(path, self.names[0]) for path in self.files)

    def next_into(self, tops: Sequence[Array]) -> None:
        """Write the next rows, as many as the arrays have; where a file ends the next one follows."""
        self._begin()
        done, count = 0, len(tops[0])
        while done < count:
            if self._row == len(self._row_order):
                self._load((self._file + 1) % len(self.files))
            rows = self._row_order[self._row : self._row + count - done]
            for top, array in zip(tops, self._arrays, strict=True):
                top[done : done + len(rows)] = array[rows]
            done += len(rows)
            self._row += len(rows)

    def state(self) -> dict[str, Any]:
        """Return the file, the row, the order of the files and what the order of the rows was drawn from."""
        self._begin()
        order = [int(i) for i in self._file_order]
        return {"file": self._file, "row": self._row, "files": order, "random": self._random}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on at the row where `state` was taken."""
        if sorted(state["files"]) != list(range(len(self.files))):
            raise DataError(
                "the list of HDF5 files has changed since the snapshot",
                expected=f"{len(state['files'])} files",
                got=f"`{self.source}` with {len(self.files)}",
            )
        self._file_order = np.array(state["files"], np.int64)
        if self._generator is not None and state["random"] is not None:
            self._generator.bit_generator.state = state["random"]
        self._read(int(state["file"]))
        self._row = min(int(state["row"]), len(self._row_order))

    def _begin(self) -> None:
        """Load the first file, unless one is loaded."""
        if self._file < 0:
            self._load(0)

    def _load(self, file: int) -> None:
        """Go to a file; the first one begins an epoch with a new order of the files."""
        if file == 0:
            if not len(self._file_order):
                self._file_order = np.arange(len(self.files))
            if self._generator is not None:
                self._generator.shuffle(self._file_order)
        self._read(file)

    def _read(self, file: int) -> None:
        """Read a file, and draw the order of its rows."""
        path = self.files[self._file_order[file]]
        if len(self.files) > 1 or not self._arrays:
            arrays = read_datasets(path, self.names)
            for name, old, new in zip(self.names, self._arrays, arrays, strict=False):
                if old.shape[1:] != new.shape[1:]:
                    raise DataError(
                        f"dataset `{name}` changes its shape from file to file",
                        expected=f"rows of shape {old.shape[1:]}",
                        got=f"`{path}`: {new.shape[1:]}",
                    )
            self._arrays = arrays
        self._file, self._row = file, 0
        self._row_order = np.arange(len(self._arrays[0]))
        if self._generator is not None:
            self._random = dict(self._generator.bit_generator.state)
            self._generator.shuffle(self._row_order)
