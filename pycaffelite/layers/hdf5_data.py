"""HDF5Data: rows of arrays from HDF5 files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pycaffelite.blob import Blob, Shape
from pycaffelite.data.rows import RowReader
from pycaffelite.errors import FieldError
from pycaffelite.layers.base import Arity, Context, Layer, Layout
from pycaffelite.layers.registry import register


@register("HDF5Data")
class HDF5Data(Layer):
    """Read batches of rows from a list of HDF5 files, over and over.

    top_t[n, ...] = the dataset named like top t [row, ...]; a batch goes on in the next file where one ends.

    Bottoms: none.
    Tops: any number, each batch_size x the shape of a row of its dataset.
    Params: none.
    Fields: `hdf5_data_param { source batch_size shuffle }`; source is a text file with one file name a line; shuffle
    reads the files in random order, and the rows of each.
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
        generator = context.generator(self.name) if self.fields.shuffle else None
        self._rows = RowReader(self.fields.source, context.data.folder, list(message.top), generator)

    def layout(self, bottom_shapes: Sequence[Shape]) -> Layout:
        """Return the shapes of a batch, from the first file."""
        return Layout(tops=[(self.fields.batch_size, *shape) for shape in self._rows.row_shapes()])

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Write the next batch."""
        self._rows.next_into([blob.data for blob in top])

    def backward(self, top: Sequence[Blob], wanted: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """Do nothing: there are no bottoms."""

    def records(self) -> int:
        """Return how many rows all files hold."""
        return self._rows.count()

    def state(self) -> dict[str, Any]:
        """Return the next row and the random orders."""
        return self._rows.state()

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on at the row where `state` was taken."""
        self._rows.restore(state)
