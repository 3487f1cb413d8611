"""Caffe's HDF5 layouts: `data/<layer>/<index>` and `diff/...` for weights; iter, learned_net, history for a state.

A layer name with `/` makes nested groups, which is where HDF5's own tools look for it (Caffe cannot write it).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from pycaffelite.blob import Array, Blob
from pycaffelite.errors import Location, SnapshotError
from pycaffelite.snapshot.files import Chunk, cannot_read
from pycaffelite.snapshot.hdf5_writer import written

_PIECE = 1 << 20  # numbers
SIGNATURE = b"\x89HDF\r\n\x1a\n"


def encode_weights(layers: Sequence[tuple[str, Sequence[Blob], Collection[int]]], *, diff: bool) -> list[Chunk]:
    """Return a weights file.

    Args:
        layers: For each layer its name, its parameters, and the indices of those that it owns. Data are written by
            owners alone, diffs by all, as Caffe does.
        diff: Whether to write the diffs too.
    """
    with written() as (writer, chunks):
        for kind in ("data", "diff") if diff else ("data",):
            top = writer.file.create_group(kind)
            for name, blobs, owned in layers:
                try:
                    group = top.require_group(name)
                    for index, blob in enumerate(blobs):
                        if kind == "diff" or index in owned:
                            writer.put(group, str(index), getattr(blob, kind))
                except (TypeError, ValueError):
                    raise SnapshotError(
                        f"layer `{name}` cannot be written to HDF5",
                        expected="a name that does not continue another layer's name with `/` and a number",
                        got=f"`{name}`",
                        hint="rename it, or use snapshot_format: BINARYPROTO",
                    ) from None
    return chunks


def encode_state(iteration: int, learned_net: str, current_step: int, history: Sequence[Array]) -> list[Chunk]:
    """Return a solver-state file."""
    with written() as (writer, chunks):
        file = writer.file
        file.create_dataset("iter", data=np.array([iteration], "<i4"))
        _write_text(file, "learned_net", learned_net)
        file.create_dataset("current_step", data=np.array([current_step], "<i4"))
        group = file.create_group("history")
        for index, array in enumerate(history):
            writer.put(group, str(index), array)
    return chunks


def is_hdf5(path: Path) -> bool:
    """Tell by its first bytes whether a file is HDF5, whatever its name; False where it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(len(SIGNATURE)) == SIGNATURE
    except OSError:
        return False


@contextmanager
def opened(path: Path) -> Iterator[Mapping[str, Any]]:
    """Open a file for reading; whatever goes wrong inside becomes a SnapshotError that names it."""
    try:
        with path.open("rb") as file:
            start = file.read(len(SIGNATURE))
    except OSError as error:
        raise cannot_read(path, error) from None
    if start != SIGNATURE:
        raise SnapshotError(
            "not an HDF5 file",
            where=Location(str(path)),
            expected="an HDF5 file, as its name says",
            got="other content" if start else "an empty file",
        )
    try:
        with h5py.File(path, "r", locking=False) as file:
            yield file
    except SnapshotError:
        raise
    except Exception as error:  # a damaged file makes the library raise almost anything
        raise SnapshotError(
            "damaged HDF5 file", where=Location(str(path)), got=str(error).splitlines()[0] if str(error) else "no data"
        ) from None


def datasets(group: Any, prefix: str = "") -> Iterator[tuple[str, dict[int, Any]]]:
    """Yield the name and the parameters by index of each layer in a group; nested groups are names with `/`."""
    for name in group:
        if isinstance(group.get(name, getlink=True), h5py.ExternalLink):
            raise ValueError(f"`{group.name}/{name}` lies in another file")
    numbered = {int(name): item for name, item in group.items() if _is_array(item) and name.isdecimal()}
    if numbered:
        yield prefix, numbered
    for name, item in group.items():
        if isinstance(item, h5py.Group):
            yield from datasets(item, f"{prefix}/{name}" if prefix else name)


def pieces(dataset: Any) -> Iterator[Array]:
    """Read a dataset of numbers whose size the caller has checked, some rows at a time; not one from other files."""
    if dataset.external or dataset.is_virtual:
        raise ValueError(f"the numbers of `{dataset.name}` lie in another file")
    if dataset.dtype.kind != "f":
        raise TypeError(f"`{dataset.name}` holds {dataset.dtype}, not floating-point numbers")
    if dataset.chunks is not None or dataset.ndim < 2:  # a packed one would be unpacked again for each piece
        yield np.asarray(dataset[()])
        return
    rows = max(1, _PIECE * dataset.shape[0] // max(1, dataset.size))
    for begin in range(0, dataset.shape[0], rows):
        yield np.asarray(dataset[begin : begin + rows])


def read_number(file: Any, name: str, default: int | None = None) -> int:
    """Read an integer that Caffe writes as an array of one."""
    if name not in file and default is not None:
        return default
    if file[name].size != 1:
        raise ValueError(f"`{name}` is not one number")
    return int(np.asarray(file[name][()]).item())


def read_text(file: Any, name: str) -> str:
    """Read a string; empty where there is none."""
    if name not in file:
        return ""
    value = file[name][()]
    return value.decode(errors="replace").rstrip("\0") if isinstance(value, bytes) else str(value)


def _is_array(item: Any) -> bool:
    return isinstance(item, h5py.Dataset)


def _write_text(file: Any, name: str, text: str) -> None:
    """Write a string as Caffe's library does: of fixed length, with a zero at its end."""
    encoded = text.encode() + b"\0"
    kind = h5py.h5t.C_S1.copy()
    kind.set_size(len(encoded))
    kind.set_strpad(h5py.h5t.STR_NULLTERM)
    space = h5py.h5s.create(h5py.h5s.SCALAR)
    timeless = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    timeless.set_obj_track_times(False)  # the same training writes the same bytes
    dataset = h5py.h5d.create(file.id, name.encode(), kind, space, timeless)
    dataset.write(h5py.h5s.ALL, h5py.h5s.ALL, np.array(encoded, dtype=f"S{len(encoded)}"), mtype=kind)
