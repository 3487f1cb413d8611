"""Weights: a net's parameters by layer name, to and from .caffemodel and .caffemodel.h5 files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pycaffelite.blob import Blob
from pycaffelite.errors import SnapshotError
from pycaffelite.net import Net, NetLayer
from pycaffelite.schema import messages
from pycaffelite.snapshot import hdf5, wire
from pycaffelite.snapshot.files import Chunk, make_folder, write_atomically
from pycaffelite.snapshot.match import fate_of
from pycaffelite.snapshot.stored import Stored, StoredBlob, stored_weights

_LAYER, _BLOBS = 100, 7  # field numbers in NetParameter and LayerParameter
_PROTOBUF_LIMIT = (1 << 31) - 1  # bytes; no reader takes more


@dataclass(frozen=True)
class LoadReport:
    """What became of the weights in a file; each a tuple of layer names.

    Attributes:
        copied: In the file and in the net.
        ignored: With weights in the file, not in the net.
        left: With weights in the net, not in the file: they stay as they are.
        skipped: In both, of different shapes; only where that was allowed.
    """

    copied: tuple[str, ...]
    ignored: tuple[str, ...]
    left: tuple[str, ...]
    skipped: tuple[str, ...] = ()


def save_weights(net: Net, path: str | Path, *, diff: bool = False) -> None:
    """Write the parameters of every layer, atomically; HDF5 where the name ends in .h5.

    Args:
        net: The net.
        path: The file; its folder is made.
        diff: Whether to write the diffs too.

    Raises:
        SnapshotError: It cannot be written; a file that was there before is unharmed.
    """
    path = Path(path)
    make_folder(path.parent)
    write_atomically(path, encode_weights(net, hdf5_format=path.suffix == ".h5", diff=diff))


def encode_weights(net: Net, *, hdf5_format: bool, diff: bool) -> list[Chunk]:
    """Return the content of a weights file."""
    if hdf5_format:
        owned = {learnable.name for learnable in net.learnables}
        layers = [(entry.node.name, entry.layer.params, set(_owned(entry, owned))) for entry in net.layers]
        return hdf5.encode_weights(layers, diff=diff)
    chunks: list[Chunk] = [messages.NetParameter(name=net.name).SerializeToString()]
    for entry in net.layers:
        blobs = [wire.blob_chunks(blob.data, blob.diff if diff else None) for blob in entry.layer.params]
        layer = wire.insert_blobs(_layer_message(net, entry).SerializeToString(), _BLOBS, blobs)
        chunks += wire.length_delimited(_LAYER, layer)
    size = sum(chunk.nbytes if isinstance(chunk, memoryview) else len(chunk) for chunk in chunks)
    if size > _PROTOBUF_LIMIT:
        raise SnapshotError(
            "the weights are too large for a binary .caffemodel",
            expected="at most 2 GiB, the limit of protocol buffers",
            got=f"{size / 2**30:.1f} GiB",
            hint="use `snapshot_format: HDF5`",
        )
    return chunks


def load_weights(net: Net, path: str | Path, *, skip_mismatch: bool = False) -> LoadReport:
    """Copy parameters from a file into the layers of the same names; all that fit, or none.

    Args:
        net: The net.
        path: A .caffemodel of any era, or a .caffemodel.h5.
        skip_mismatch: Whether layers of other shapes keep their values, instead of an error.

    Raises:
        SnapshotError: The file is missing, damaged or of another kind, or a shape does not fit.
    """
    path = Path(path)
    with stored_weights(path) as stored:
        return _copy(net, path, stored, skip_mismatch=skip_mismatch)


def _copy(net: Net, path: Path, stored: Stored, *, skip_mismatch: bool) -> LoadReport:
    """Check every layer first, so that a file that does not fit changes nothing; then copy."""
    owned = {learnable.name for learnable in net.learnables}
    todo: list[tuple[StoredBlob, Blob]] = []
    copied, left, skipped = [], [], []
    for entry in net.layers:
        name = entry.node.name
        blobs = stored.get(name, {})
        params = entry.layer.params
        try:
            fate = fate_of([blob.shape for blob in params], _owned(entry, owned), blobs, path)
        except SnapshotError as problem:
            if not skip_mismatch:
                raise problem.within(entry.node.subject, entry.node.where) from None
            skipped.append(name)
            continue
        if fate == "copied":
            copied.append(name)
            todo += [(blob, params[index]) for index, blob in blobs.items()]
        elif fate == "left":
            left.append(name)
    for source, _blob in todo:
        source.check()
    for source, blob in todo:
        source.copy_to(blob.data)
    ours = {entry.node.name for entry in net.layers}
    ignored = tuple(name for name, blobs in stored.items() if blobs and name not in ours)
    return LoadReport(tuple(copied), ignored, tuple(left), tuple(skipped))


def _owned(entry: NetLayer, owned: set[str]) -> dict[int, Blob]:
    """Return those parameters of a layer that no earlier layer owns, by index."""
    return {i: blob for i, blob in enumerate(entry.layer.params) if f"{entry.node.name}/{i}" in owned}


def _layer_message(net: Net, entry: NetLayer) -> Any:
    """Return the layer's message as Caffe writes it: phase, implied loss weight, and blob names after splits."""
    message = messages.LayerParameter()
    message.CopyFrom(entry.node.message)
    del message.blobs[:], message.bottom[:], message.top[:]
    message.bottom.extend(entry.node.bottoms)
    message.top.extend(entry.node.tops)
    if not message.HasField("phase"):
        message.phase = messages.TRAIN if net.phase == "TRAIN" else messages.TEST
    if not message.loss_weight and any(entry.loss_weights):
        message.loss_weight.extend(entry.loss_weights)
    if entry.layer.params:
        # A layer that freezes its parameters itself says so, as Caffe's does.
        layouts = entry.layer.layout([blob.shape for blob in entry.bottoms]).params
        for layout in layouts[len(message.param) :]:
            if layout.lr_mult != 1:
                message.param.add(lr_mult=layout.lr_mult)
    return message
