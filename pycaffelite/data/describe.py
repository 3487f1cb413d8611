"""What is in a data source, as values."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from pycaffelite.data.datum import datum_array, read_datum
from pycaffelite.data.source import open_source
from pycaffelite.data.sources.base import Source
from pycaffelite.data.sources.idx import read_idx
from pycaffelite.errors import DataError

# Labels that come in runs longer than this, a usual batch, make batches of one label.
LONG_RUN = 64
_SHADES = " .:-=+*#%@"
_WIDEST = 56  # characters of a picture


@dataclass(frozen=True)
class Record:
    """One record: its key, its label, channels, height and width, and the image as text."""

    key: str
    label: int
    shape: tuple[int, int, int]
    picture: str


@dataclass(frozen=True)
class DatabaseInfo:
    """What a database holds.

    Attributes:
        path: Its folder.
        backend: "leveldb" or "lmdb".
        records: How many.
        shapes: How many records of each channels x height x width; encoded images count as "encoded".
        kind: "bytes", "floats", "encoded", or several with "+".
        labels: How many records of each label.
        longest_run: The most records of one label in a row.
        warnings: What a user should know.
        first: The first records.
    """

    path: str
    backend: str
    records: int
    shapes: dict[str, int]
    kind: str
    labels: dict[int, int]
    longest_run: int
    warnings: list[str]
    first: list[Record]


@dataclass(frozen=True)
class ArrayInfo:
    """An array in a file: its name, shape and type, its extremes and mean."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    least: float
    most: float
    mean: float


@dataclass(frozen=True)
class FileInfo:
    """What a file of arrays (IDX, HDF5) holds."""

    path: str
    format: str
    arrays: list[ArrayInfo]


def describe(path: Path, first: int = 2) -> DatabaseInfo | FileInfo:
    """Describe a database, an IDX file or an HDF5 file; `first` records are shown."""
    if path.is_file() and path.suffix != ".mdb":
        return _describe_file(path)
    return describe_database(open_source(path), first)


def describe_database(source: Source, first: int = 2) -> DatabaseInfo:
    """Read every record of a database and describe them."""
    shapes: Counter[str] = Counter()
    kinds: dict[str, None] = {}
    labels: list[int] = []
    shown: list[Record] = []
    for key, value in source.items():
        datum = read_datum(source.path, key, value)
        kind = "encoded" if datum.encoded else "bytes" if datum.data else "floats"
        kinds[kind] = None
        shapes["encoded" if datum.encoded else f"{datum.channels}x{datum.height}x{datum.width}"] += 1
        labels.append(datum.label)
        if len(shown) < first:
            shown.append(_record(source.path, key, datum))
    if not labels:
        source.first()  # raises: the database is empty
    longest, label = max(((sum(1 for _ in run), label) for label, run in groupby(labels)), default=(0, 0))
    histogram = dict(sorted(Counter(labels).items()))
    return DatabaseInfo(
        path=str(source.path),
        backend=source.backend,
        records=len(labels),
        shapes=dict(shapes),
        kind="+".join(kinds),
        labels=histogram,
        longest_run=longest,
        warnings=_warnings(len(histogram), longest, label, shapes),
        first=shown,
    )


def picture(image: npt.NDArray[Any]) -> str:
    """Return an image, channels x height x width, as lines of characters from light to dark, two rows a line."""
    plane = np.asarray(image, np.float64).mean(axis=0)
    step = -(-plane.shape[1] // _WIDEST)
    rows = [plane[top : top + 2 * step].mean(axis=0) for top in range(0, plane.shape[0], 2 * step)]
    cells = np.array([[row[left : left + step].mean() for left in range(0, len(row), step)] for row in rows])
    span = (cells.max() - cells.min()) or 1
    shades = np.floor((cells - cells.min()) / span * (len(_SHADES) - 1) + 0.5).astype(int)
    return "\n".join("".join(_SHADES[shade] for shade in row).rstrip() for row in shades)


def _record(path: Path, key: bytes, datum: Any) -> Record:
    image = datum_array(path, key, datum)
    channels, height, width = image.shape
    return Record(key.decode(errors="backslashreplace"), datum.label, (channels, height, width), picture(image))


def _warnings(labels: int, longest: int, label: int, shapes: Counter[str]) -> list[str]:
    """Return what a user should know about these records."""
    found = []
    if labels > 1 and longest > LONG_RUN:
        found.append(
            f"{longest} records in a row have label {label}: batches will hold few labels; shuffle before making it"
        )
    if len(shapes) > 1:
        found.append(f"records have {len(shapes)} different shapes: a Data layer needs crop_size for them")
    return found


def _describe_file(path: Path) -> FileInfo:
    """Describe an IDX or HDF5 file."""
    if h5py.is_hdf5(path):
        arrays: list[ArrayInfo] = []
        try:
            with h5py.File(path, "r") as file:
                file.visititems(lambda name, item: _add(arrays, name, item))
        except (OSError, RuntimeError) as error:
            raise DataError("an HDF5 file cannot be read", got=f"`{path}`: {error}") from error
        return FileInfo(str(path), "hdf5", arrays)
    return FileInfo(str(path), "idx", [_array(path.name, read_idx(path))])


def _add(arrays: list[ArrayInfo], name: str, item: Any) -> None:
    """Add a dataset of numbers to the list."""
    if isinstance(item, h5py.Dataset) and item.dtype.kind in "fiu":
        arrays.append(_array(name, np.asarray(item)))


def _array(name: str, array: npt.NDArray[Any]) -> ArrayInfo:
    least, most, mean = (float(array.min()), float(array.max()), float(array.mean())) if array.size else (0.0, 0.0, 0.0)
    return ArrayInfo(name, array.shape, str(array.dtype), least, most, mean)
