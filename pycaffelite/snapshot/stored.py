"""The parameters in a weights file of any form, by layer name and index; their numbers are read when asked for."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from pycaffelite.blob import Array, Shape
from pycaffelite.errors import Location, SnapshotError
from pycaffelite.layers.base import shape_text
from pycaffelite.schema.binary import read_weights_message
from pycaffelite.schema.outline import Numbers, Outline, version_of, weights_outline
from pycaffelite.snapshot import hdf5, resume, wire
from pycaffelite.snapshot.files import cannot_read

_PIECE = 1 << 20  # numbers


@dataclass(frozen=True)
class StoredBlob:
    """A parameter in a file.

    Attributes:
        shape: Its shape; four lengths where the file says num, channels, height and width.
        pieces: Reads the elements: arrays of them, one after the other.
        sure: Whether they are known to be there; of HDF5 files, which may be packed, only reading tells.
    """

    shape: Shape
    pieces: Callable[[], Iterable[Array]]
    sure: bool = True

    def fits(self, shape: Shape) -> bool:
        """Return whether it can be copied to a blob of this shape; axes of length 1 do not count.

        Caffe pads legacy shapes with ones in front. Forks put theirs elsewhere: `cccp` layers of the
        deeply-supervised-nets fork hold 1x1 filters as 1 x 1 x outputs x inputs, BN layers 1 x C or 1 x C x 1 x 1.
        """
        return [length for length in self.shape if length != 1] == [length for length in shape if length != 1]

    def check(self) -> None:
        """Read the elements for nothing, unless they are known to be there: an error must come before any change."""
        if not self.sure:
            for _piece in self.pieces():
                pass

    def copy_to(self, target: Array) -> None:
        """Copy the elements into a contiguous array of as many; no more than a piece of them is in memory beside it."""
        flat, begin = target.reshape(-1), 0
        for piece in self.pieces():
            np.copyto(flat[begin : begin + piece.size], piece.reshape(-1), casting="same_kind")
            begin += piece.size


Stored = Mapping[str, Mapping[int, StoredBlob]]


@contextmanager
def stored_weights(path: Path) -> Iterator[Stored]:
    """Open a weights file of any form and give its parameters by layer name and index.

    Raises:
        SnapshotError: The file is missing, damaged or of another kind.
    """
    if ".solverstate" in path.name:
        raise SnapshotError(
            "this is a solver state, not weights",
            where=Location(str(path)),
            expected="a .caffemodel or .caffemodel.h5 file",
            got=path.name,
            hint="give it as the snapshot to resume from: `--snapshot`",
        )
    resume.verify(path)
    if path.suffix == ".h5" or hdf5.is_hdf5(path):
        with hdf5.opened(path) as file:
            yield _from_hdf5(file)
    else:
        outline = weights_outline(path)
        if outline is not None:
            yield _of_layers(outline.message, partial(blob_in_file, path, outline))
        else:
            yield _of_layers(read_weights_message(path), partial(stored_blob, path))


def stored_blob(path: Path, message: Any, what: str) -> StoredBlob:
    """Return a BlobProto message as a stored blob.

    Raises:
        SnapshotError: It holds fewer or more numbers than its shape says.
    """
    shape = _checked_shape(message, len(message.double_data) or len(message.data), path, what)
    return StoredBlob(shape, lambda: [wire.blob_values(message)])


def _checked_shape(message: Any, count: int, path: Path, what: str) -> Shape:
    shape = wire.blob_shape(message)
    if any(length < 0 for length in shape) or math.prod(shape) != count:
        raise SnapshotError(
            "damaged file",
            where=Location(str(path)),
            subject=what,
            expected=f"{math.prod(shape)} numbers, for the shape {shape_text(shape)}",
            got=f"{count}",
        )
    return shape


def _of_layers(net: Any, read: Callable[[Any, str], StoredBlob]) -> Stored:
    """Return the parameters of a NetParameter message; of layers of the same name the last one's, as in Caffe."""
    return {
        layer.name: {
            index: read(blob, f"layer `{layer.name}`, parameter {index}") for index, blob in enumerate(layer.blobs)
        }
        for layer in net.layer
    }


def blob_in_file(path: Path, outline: Outline, message: Any, what: str) -> StoredBlob:
    """Return a blob of an outline as a stored blob; raises as `stored_blob`."""
    numbers = outline.numbers_of(message)
    shape = _checked_shape(message, numbers.size if numbers else 0, path, what)
    return StoredBlob(shape, partial(_numbers_in_file, path, numbers, outline.version) if numbers else tuple)


def _numbers_in_file(path: Path, numbers: Numbers, version: tuple[int, ...]) -> Iterator[Array]:
    """Read the numbers of one blob, some megabytes at a time.

    Raises:
        SnapshotError: They cannot be read: the file has changed.
    """
    left = numbers.size
    try:
        with path.open("rb") as file:
            file.seek(numbers.start)
            while left:
                values = np.fromfile(file, "<f8" if numbers.double else "<f4", min(left, _PIECE))
                if not values.size or version_of(file) != version:
                    raise SnapshotError(
                        "the file was changed while it was read",
                        where=Location(str(path)),
                        hint="does a training write it? Read it again, or take a copy",
                    )
                left -= values.size
                yield values
    except OSError as error:
        raise cannot_read(path, error) from None


def hdf5_blob(dataset: Any) -> StoredBlob:
    """Return a dataset of an HDF5 file as a stored blob; the file must stay open."""
    return StoredBlob(tuple(dataset.shape), partial(hdf5.pieces, dataset), sure=False)


def _from_hdf5(file: Mapping[str, Any]) -> Stored:
    group = file["data"]
    if not isinstance(group, h5py.Group):
        raise TypeError("`data` is not a group")
    return {name: {index: hdf5_blob(item) for index, item in arrays.items()} for name, arrays in hdf5.datasets(group)}
