"""HDF5Output: two blobs, written to a file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from pycaffelite.blob import Blob, Shape
from pycaffelite.data.rows_file import RowsFile
from pycaffelite.errors import FieldError, ShapeError
from pycaffelite.layers.base import Arity, Context, Layer, Layout, shape_text
from pycaffelite.layers.registry import register


@register("HDF5Output")
class HDF5Output(Layer):
    """Write data and labels to an HDF5 file, as datasets `data` and `label`.

    There is no formula: the numbers are written as they are, of the net's float type.

    Bottoms: data, label: of up to four axes, to which ones are added behind; as many records in each.
    Tops: none.
    Params: none.
    Fields: `hdf5_output_param { file_name }`, from the working folder.
    Backward: none; the bottoms get zeros.
    Errors: FieldError for no file_name; ShapeError for blobs of more than four axes, or of different numbers of
        records; DataError where the file cannot be written, or rows change their shape from pass to pass.
    Source: Caffe's HDF5OutputLayer, which fails in the second pass: here each pass adds its records. A file that
    exists is replaced, once the first pass is written whole.
    """

    arity: ClassVar[Arity] = Arity(bottoms=(2, 2), tops=(0, 0))

    def __init__(self, message: Any, context: Context) -> None:
        super().__init__(message, context)
        name: str = message.hdf5_output_param.file_name
        if not name:
            raise FieldError(
                "an HDF5Output layer needs a file", expected='hdf5_output_param { file_name: "out.h5" }', got="none"
            )
        self.file = RowsFile(Path(name))

    def layout(self, bottom_shapes: Sequence[Shape]) -> Layout:
        """Check the bottoms."""
        for shape in bottom_shapes:
            if len(shape) > 4:
                raise ShapeError("there are too many axes", expected="at most four", got=shape_text(shape))
        data, label = (_padded(shape) for shape in bottom_shapes)
        if data[0] != label[0]:
            raise ShapeError(
                "the bottoms differ in their number of records",
                expected="two bottoms with the same first axis",
                got=f"shapes {shape_text(bottom_shapes[0])} and {shape_text(bottom_shapes[1])}",
            )
        return Layout([])

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Add the records to the file."""
        data, label = (blob.data.reshape(_padded(blob.shape)) for blob in bottom)
        self.file.add({"data": data, "label": label})

    def backward(self, top: Sequence[Blob], wanted: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """Write zeros."""
        for blob, needed in zip(bottom, wanted, strict=True):
            if needed:
                blob.diff.fill(0)


def _padded(shape: Shape) -> Shape:
    return shape + (1,) * (4 - len(shape))
