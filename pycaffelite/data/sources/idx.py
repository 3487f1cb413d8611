"""IDX files, the form in which MNIST is published: a header of big-endian numbers, then the array; raw or gzipped."""

from __future__ import annotations

import gzip
import math
import zlib
from io import BufferedIOBase
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pycaffelite.data.sources.damage import unreadable
from pycaffelite.errors import DataError

UNSIGNED_BYTES = 0x08
CHUNK = 1 << 20  # bytes
MOST_BYTES = 1 << 32  # larger arrays are no MNIST


def read_idx(path: Path) -> npt.NDArray[np.uint8]:
    """Return the array of an IDX file of unsigned bytes."""
    try:
        with path.open("rb") as raw:
            packed = raw.read(2) == b"\x1f\x8b"
            raw.seek(0)
            if not packed:
                return _read(path, raw)
            with gzip.open(raw) as stream:
                return _read(path, stream)
    except (gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise _bad(path, f"it does not decompress ({error})") from None
    except OSError as error:
        raise unreadable(path, error) from error


def _read(path: Path, stream: BufferedIOBase | gzip.GzipFile) -> npt.NDArray[np.uint8]:
    """Read header and array."""
    head = stream.read(4)
    if len(head) < 4 or head[:2] != b"\0\0" or head[2] != UNSIGNED_BYTES or not 1 <= head[3] <= 4:
        raise _bad(path, f"it begins with {head.hex(' ') or 'nothing'}, not as an IDX file of bytes")
    axes = stream.read(4 * head[3])
    shape = tuple(int(n) for n in np.frombuffer(axes[: len(axes) // 4 * 4], ">u4"))
    count = math.prod(shape)
    if len(shape) != head[3] or count > MOST_BYTES:
        raise _bad(path, f"its shape {'x'.join(map(str, shape))} is impossible")
    # Memory is taken as data come, so a header that promises too much costs nothing.
    data = bytearray()
    while len(data) <= count and (chunk := stream.read(min(CHUNK, count + 1 - len(data)))):
        data += chunk
    if len(data) != count:
        raise _bad(path, f"{len(data)} bytes of {count}" if len(data) < count else f"more than its {count} bytes")
    return np.frombuffer(data, np.uint8).reshape(shape)


def _bad(path: Path, what: str) -> DataError:
    """Return the error for a file that is no IDX file."""
    return DataError(
        "this is no IDX file of unsigned bytes",
        got=f"`{path}`: {what}",
        hint="get the file again from where it came from",
    )
