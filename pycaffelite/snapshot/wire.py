"""Blobs in protobuf's wire format, without a Python loop over their elements.

The message classes would copy every number through Python objects. A packed field is just the array's bytes, so blobs
are written, and read, as those; everything around them goes through the message classes as usual.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from pycaffelite.blob import Array, Shape
from pycaffelite.schema import messages
from pycaffelite.schema.wire import LENGTH, varint, wire_fields
from pycaffelite.snapshot.files import Chunk

_SHAPE = 7
_PACKED = {"data": (5, "<f4"), "diff": (6, "<f4"), "double_data": (8, "<f8"), "double_diff": (9, "<f8")}


def length_delimited(field: int, chunks: list[Chunk]) -> list[Chunk]:
    """Put tag and length before a field's content."""
    size = sum(chunk.nbytes if isinstance(chunk, memoryview) else len(chunk) for chunk in chunks)
    return [varint(field << 3 | LENGTH) + varint(size), *chunks]


def blob_chunks(data: Array, diff: Array | None = None) -> list[Chunk]:
    """Encode a BlobProto; doubles go to the `double_` fields, as in Caffe."""
    shape = messages.BlobShape(dim=data.shape).SerializeToString()
    shape_chunks = length_delimited(_SHAPE, [shape]) if data.shape else []
    double = data.dtype == np.float64
    first = _packed("double_data" if double else "data", data)
    second = _packed("double_diff" if double else "diff", diff) if diff is not None else []
    return [*shape_chunks, *first, *second] if double else [*first, *second, *shape_chunks]


def insert_blobs(message: bytes, field: int, blobs: list[list[Chunk]]) -> list[Chunk]:
    """Put encoded blobs into an encoded message where a serializer would: after all lower field numbers."""
    at = next((known.tag for known in wire_fields(message, 0, len(message)) if known.number > field), len(message))
    encoded = [chunk for blob in blobs for chunk in length_delimited(field, blob)]
    return [message[:at], *encoded, message[at:]]


def blob_values(blob: Any) -> Array:
    """Return the data of a BlobProto message as a 1-D array; double_data, where there is any, else data."""
    field, dtype = _PACKED["double_data" if len(blob.double_data) else "data"]
    encoded = blob.SerializeToString()
    parts = [
        np.frombuffer(encoded, dtype, (known.end - known.start) // np.dtype(dtype).itemsize, known.start)
        for known in wire_fields(encoded, 0, len(encoded))
        if known.number == field
    ]
    return parts[0] if parts else np.zeros(0, dtype)


def blob_shape(blob: Any) -> Shape:
    """Return the shape of a BlobProto message; of a legacy one its four lengths."""
    if is_legacy(blob):
        return (blob.num, blob.channels, blob.height, blob.width)
    return tuple(blob.shape.dim)


def is_legacy(blob: Any) -> bool:
    """Return whether a BlobProto says its size in the four fields of old versions."""
    return any(blob.HasField(name) for name in ("num", "channels", "height", "width"))


def _packed(name: str, values: Array) -> list[Chunk]:
    field, dtype = _PACKED[name]
    if not values.size:
        return []
    flat = np.ascontiguousarray(values, dtype).reshape(-1)
    return length_delimited(field, [flat.view(np.uint8).data])
