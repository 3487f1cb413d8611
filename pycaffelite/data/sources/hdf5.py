"""HDF5 files as the HDF5Data layer reads them: a list of files, each with one dataset a top."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from pycaffelite.errors import DataError
from pycaffelite.names import did_you_mean

# A file can promise any size for rows that were never written. Compression goes no further than this.
_MOST_EXPANSION, _SPARE_BYTES = 1100, 1 << 26

Array = npt.NDArray[Any]


def read_list(path: Path) -> list[str]:
    """Return the file names that a list holds, one a line."""
    try:
        names = path.read_text(encoding="utf-8").split()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError("the list of HDF5 files cannot be read", got=f"`{path}`: {error}") from error
    if not names:
        raise DataError("the list of HDF5 files is empty", expected="one file name a line", got=f"`{path}`")
    return names


def read_datasets(path: Path, names: Sequence[str]) -> list[Array]:
    """Return the datasets of these names; their numbers of rows must agree."""
    with _opened(path) as file:
        arrays = [_read(path, _dataset(path, file, name)) for name in names]
    if len({len(array) for array in arrays}) > 1 or not len(arrays[0]):
        rows = ", ".join(f"`{name}` {len(array)}" for name, array in zip(names, arrays, strict=True))
        raise DataError(
            "the datasets have different numbers of rows, or none",
            expected="as many rows in each, at least one",
            got=f"`{path}`: {rows}",
        )
    return arrays


def count_rows(path: Path, name: str) -> int:
    """Return the number of rows of a dataset, without reading them."""
    with _opened(path) as file:
        return int(_dataset(path, file, name).shape[0])


@contextmanager
def _opened(path: Path) -> Iterator[h5py.File]:
    """Open a file for reading; what the library complains about becomes a DataError."""
    try:
        with h5py.File(path, "r") as file:
            yield file
    except (OSError, RuntimeError, KeyError) as error:
        raise DataError(
            "an HDF5 file cannot be read", got=f"`{path}`: {error}", hint="copy it again, or make it again"
        ) from error


def _dataset(path: Path, file: h5py.File, name: str) -> h5py.Dataset:
    """Return one dataset of numbers."""
    if name not in file or not isinstance(file[name], h5py.Dataset):
        raise DataError(
            f"the HDF5 file has no dataset `{name}`",
            expected="a dataset for each top, of the same name",
            got=f"`{path}` with {', '.join(f'`{key}`' for key in file) or 'nothing in it'}",
            hint=did_you_mean(name, list(file)),
        )
    dataset = file[name]
    if dataset.dtype.kind not in "fiu" or dataset.ndim < 1:
        raise DataError(
            f"dataset `{name}` cannot be used",
            expected="numbers, with the rows on the first axis",
            got=f"`{path}`: {dataset.dtype}, {dataset.ndim} axes",
        )
    return dataset


def _read(path: Path, dataset: h5py.Dataset) -> Array:
    """Return what a dataset holds, unless the file cannot hold it."""
    stored = dataset.id.get_storage_size()
    if dataset.nbytes > _SPARE_BYTES + _MOST_EXPANSION * stored:
        raise DataError(
            f"dataset `{dataset.name.lstrip('/')}` is larger than its file can be",
            got=f"`{path}`: {dataset.nbytes} bytes from {stored} in the file",
            hint="write the file again",
        )
    return np.asarray(dataset)
