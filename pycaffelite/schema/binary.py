"""Read binary weights of any era, and binary means, as messages."""

from __future__ import annotations

import re
import struct
from pathlib import Path
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import DecodeError

from pycaffelite.errors import DataError, Location, PycaffeliteError, SnapshotError
from pycaffelite.schema import messages
from pycaffelite.schema.fields import is_repeated
from pycaffelite.schema.files import read_bytes
from pycaffelite.schema.foreign_bytes import translate_net
from pycaffelite.schema.sourcemap import SourceMap
from pycaffelite.schema.upgrade import upgrade_net

LARGEST = 2**31 - 1  # bytes; protobuf's own limit
BEGIN = 1 << 16  # bytes
_HDF5_MAGIC = b"\x89HDF\r\n\x1a\n"
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1f]")


def read_weights_message(path: str | Path) -> Any:
    """Read a .caffemodel.

    Args:
        path: A binary NetParameter with V0, V1 or current layers.

    Returns:
        The NetParameter in current form, blobs included.

    Raises:
        SnapshotError: No such file, or not a .caffemodel; the hint says what it is instead.
    """
    where = Location(str(path))
    content = read_bytes(path, "weights", SnapshotError)
    _refuse_other_formats(content, where, SnapshotError, "a binary .caffemodel")
    return net_of(content, where)


def net_of(content: bytes, where: Location) -> Any:
    """Parse the bytes of a .caffemodel; return and raise as `read_weights_message`."""
    net = messages.NetParameter()
    try:
        translated, _ = translate_net(content)
    except ValueError:
        translated = content
    if not _parse(net, translated) and not _parse(net, content):
        raise SnapshotError(
            "the file is damaged or cut off",
            where=where,
            expected="a binary .caffemodel",
            got=f"{len(content)} bytes that are none",
            hint=_other_message(content),
        )
    if (text := _broken_text(net)) is not None:
        raise SnapshotError(
            "a name in the file is not UTF-8 text",
            where=where,
            expected="a binary .caffemodel with names in UTF-8",
            got=ascii(text),
        )
    if not net.layer and not net.layers:
        raise SnapshotError(
            "the file holds no layers", where=where, expected="a binary .caffemodel", hint=_other_message(content)
        )
    try:
        return with_plain_numbers(upgrade_net(net, SourceMap(where.path)).net)
    except PycaffeliteError as problem:
        raise SnapshotError(
            f"the old form of these weights cannot be upgraded: {problem.what}",
            where=where,
            subject=problem.subject,
            expected=problem.expected,
            got=problem.got,
            hint=problem.hint,
        ) from problem


def read_blob_proto(path: str | Path) -> Any:
    """Read a .binaryproto, such as the mean of a data set.

    Args:
        path: A binary BlobProto.

    Returns:
        The BlobProto.

    Raises:
        DataError: No such file, or not a BlobProto; the hint says what it is instead.
    """
    where = Location(str(path))
    content = read_bytes(path, "a blob", DataError)
    _refuse_other_formats(content, where, DataError, "a binary BlobProto")
    blob = messages.BlobProto()
    if not _parse(blob, content):
        raise DataError(
            "the file is damaged or cut off",
            where=where,
            expected="a binary BlobProto",
            got=f"{len(content)} bytes that are none",
            hint=_other_message(content),
        )
    if not blob.data and not blob.double_data:
        raise DataError(
            "the file holds no numbers", where=where, expected="a binary BlobProto", hint=_other_message(content)
        )
    return blob


def with_plain_numbers(net: Any) -> Any:
    """Turn the blobs of the NVIDIA fork, raw bytes of a stated type, into lists of numbers; return the net."""
    for layer in net.layer:
        for blob in layer.blobs:
            if blob.HasField("raw_data") and not blob.data and not blob.double_data:
                target = blob.double_data if blob.raw_data_type == _DOUBLE else blob.data
                code = _RAW_CODES.get(blob.raw_data_type, "f")
                count = len(blob.raw_data) // struct.calcsize(code)
                target.extend(struct.unpack_from(f"<{count}{code}", blob.raw_data))
                for name in ("raw_data", "raw_data_type", "raw_diff", "raw_diff_type"):
                    blob.ClearField(name)
    return net


_DOUBLE = 0  # in the NVIDIA fork's enum of types
_RAW_CODES = {_DOUBLE: "d", 1: "f", 2: "e"}


def _parse(message: Any, content: bytes) -> bool:
    """Parse into the message; tell whether that went well. A text that is not UTF-8 is no name of Caffe's."""
    try:
        message.ParseFromString(content)
    except (DecodeError, UnicodeDecodeError, ValueError):
        return False
    return True


def _broken_text(message: Any) -> bytes | None:
    """Return a text of the message that is not UTF-8, which protobuf hands out as bytes; None when all are well."""
    for field, value in message.ListFields():
        values = value if is_repeated(field) else (value,)
        if field.message_type is not None:
            if field.message_type.name != "BlobProto":
                broken = next((text for item in values if (text := _broken_text(item)) is not None), None)
                if broken is not None:
                    return broken
        elif field.type == FieldDescriptor.TYPE_STRING:
            for item in values:
                if isinstance(item, bytes):
                    return item
    return None


def looks_binary(begin: bytes) -> bool:
    """Tell by its first bytes, of which `BEGIN` suffice, whether a file is no text."""
    return _CONTROL.search(begin) is not None


def _refuse_other_formats(content: bytes, where: Location, error: type[PycaffeliteError], expected: str) -> None:
    """Raise for what can be told without parsing."""
    if not content:
        raise error("the file is empty", where=where, expected=expected)
    if len(content) > LARGEST:
        raise error(
            "the file is too large for protobuf",
            where=where,
            expected=f"at most {LARGEST} bytes",
            got=f"{len(content)} bytes",
            hint="keep weights of this size in the HDF5 form, .caffemodel.h5",
        )
    if content.startswith(_HDF5_MAGIC):
        raise error(
            "the file is HDF5",
            where=where,
            expected=expected,
            hint="name it with the ending .h5 to have it read as HDF5",
        )
    if not looks_binary(content[:BEGIN]):
        raise error(
            "the file is a text", where=where, expected=expected, hint="a prototxt describes a net and holds no numbers"
        )


def _other_message(content: bytes) -> str | None:
    """Say which of Caffe's other binary files this is."""
    state = messages.SolverState()
    if _parse(state, content) and state.HasField("iter") and (state.history or state.learned_net):
        return f"it is a .solverstate of iteration {state.iter}: give it with --snapshot"
    blob = messages.BlobProto()
    if _parse(blob, content) and (blob.data or blob.double_data) and (blob.HasField("shape") or blob.HasField("num")):
        return "it is a single blob, such as a mean: give it as `mean_file`"
    net = messages.NetParameter()
    if _parse(net, content) and (net.layer or net.layers):
        return "it is a .caffemodel: give it with --weights"
    return None
