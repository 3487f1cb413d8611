"""HDF5Data: rows of arrays from HDF5 files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pycaffelite.blob import Array, Blob
from pycaffelite.data.locate import locate_file
from pycaffelite.data.sources.hdf5 import read_datasets, read_list
from pycaffelite.errors import DataError, FieldError
from pycaffelite.layers.base import Arity, Context, Layer, Layout
from pycaffelite.layers.registry import register


@register("HDF5Data")
class HDF5Data(Layer):
    """Reads batches of rows from a list of HDF5 files, over and over.

    top_t[n, ...] = the dataset named like top t [row, ...]; a batch goes on in the next file where one ends.

    Tops: any number, each batch_size x the shape of a row of its dataset.

    Fields: hdf5_data_param { source (a text file with one file name a line), batch_size, shuffle }. shuffle: the files
    are read in random order, and the rows of each.

    Backward: none.

    Errors: DataError when a file or dataset is missing or unreadable, or rows change their shape from file to file;
    FieldError for a batch_size of 0.

    Source: Caffe's HDF5DataLayer.
    """

    arity = Arity(bottoms=(0, 0), tops=(1, None))

    def __init__(self, message: Any, context: Context) -> None:
        super().__init__(message, context)
        self.fields = message.hdf5_data_param
        if self.fields.batch_size < 1:
            raise FieldError(
                "an HDF5Data layer needs a batch size",
                expected="hdf5_data_param { batch_size: 1 } or more",
                got="0 or none",
            )
        self._generator = context.generator(message.name)
        self._files: list[Path] = []
        self._file = -1  # position in the order of the files; the row stands for the next one
        self._row = 0
        self._file_order = np.zeros(0, np.int64)
        self._row_order = np.zeros(0, np.int64)
        self._arrays: list[Array] = []
        self._before: dict[str, Any] = {}  # the random state from which the order of the rows was drawn

    def layout(self, bottom_shapes: Sequence[tuple[int, ...]]) -> Layout:
        """Return the shapes of a batch, from the first file."""
        self._open()
        return Layout(tops=[(self.fields.batch_size, *array.shape[1:]) for array in self._arrays])

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Write the next batch."""
        self._open()
        done = 0
        while done < self.fields.batch_size:
            if self._row == len(self._row_order):
                self._next_file()
            rows = self._row_order[self._row : self._row + self.fields.batch_size - done]
            for blob, array in zip(top, self._arrays, strict=True):
                blob.data[done : done + len(rows)] = array[rows]
            done += len(rows)
            self._row += len(rows)

    def backward(self, top: Sequence[Blob], wanted: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """Do nothing: there are no bottoms."""

    def state(self) -> dict[str, Any]:
        """Return the file, the row, and what the random orders were drawn from."""
        self._open()
        order = [int(i) for i in self._file_order]
        return {"file": self._file, "row": self._row, "files": order, "random": self._before}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on at the row where `state` was taken."""
        self._open()
        if sorted(state["files"]) != list(range(len(self._files))):
            raise DataError(
                "the list of HDF5 files has changed since the snapshot",
                expected=f"{len(state['files'])} files",
                got=f"`{self.fields.source}` with {len(self._files)}",
            )
        self._file_order = np.array(state["files"], np.int64)
        self._generator.bit_generator.state = state["random"]
        self._load(int(state["file"]))
        self._row = min(int(state["row"]), len(self._row_order))

    def _open(self) -> None:
        """Read the list and the first file, once."""
        if self._files:
            return
        folder = self.context.data.folder
        names = read_list(locate_file(self.fields.source, folder, what="list of HDF5 files"))
        files = [locate_file(name, folder, what="HDF5 file") for name in names]
        self._file_order = np.arange(len(files))
        self._files = files
        if self.fields.shuffle:
            self._generator.shuffle(self._file_order)
        self._load(0)

    def _next_file(self) -> None:
        """Go to the next file; after the last, to the first of a new order."""
        following = self._file + 1
        if following == len(self._files):
            following = 0
            if self.fields.shuffle:
                self._generator.shuffle(self._file_order)
        self._load(following)

    def _load(self, file: int) -> None:
        """Read a file, and draw the order of its rows."""
        path = self._files[self._file_order[file]]
        if len(self._files) > 1 or not self._arrays:
            arrays = read_datasets(path, list(self.message.top))
            for name, old, new in zip(self.message.top, self._arrays, arrays, strict=False):
                if old.shape[1:] != new.shape[1:]:
                    raise DataError(
                        f"dataset `{name}` changes its shape from file to file",
                        expected=f"rows of shape {old.shape[1:]}",
                        got=f"`{path}`: {new.shape[1:]}",
                    )
            self._arrays = arrays
        self._file, self._row = file, 0
        self._before = dict(self._generator.bit_generator.state)
        self._row_order = np.arange(len(self._arrays[0]))
        if self.fields.shuffle:
            self._generator.shuffle(self._row_order)
