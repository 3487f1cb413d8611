"""LevelDB's log format, in which it keeps recent writes and its manifest, and the write batches in such a log.

A log is cut into blocks of 32 KiB. A record is one fragment (FULL) or several (FIRST, MIDDLE.., LAST); a fragment is
a masked CRC-32C of type and payload, the payload's length, the type, the payload, and never crosses a block.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from pycaffelite.data.sources.damage import damaged, unreadable
from pycaffelite.kernels.crc32c import TABLES, crc32c

BLOCK = 32 * 1024
HEADER = struct.Struct("<IHB")
FULL, FIRST, MIDDLE, LAST = 1, 2, 3, 4

LogEntry = tuple[int, bytes]  # sequence number << 8 | type (1 put, 0 delete), value


def masked_crc(data: bytes | np.ndarray) -> int:
    """Return the CRC-32C of `data`, turned and shifted as LevelDB stores it."""
    array = np.frombuffer(data, np.uint8) if isinstance(data, bytes) else data
    crc = int(crc32c(array))
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def read_log(path: Path) -> tuple[list[bytes], bool]:
    """Return the records of a log file, and whether it ends in an unfinished one.

    An unfinished record at the very end is what a writer leaves that died; LevelDB ignores it too. Anything else that
    does not check is an error: LevelDB would drop the block in silence.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise unreadable(path, error) from error
    records: list[bytes] = []
    parts: list[bytes] = []
    for kind, payload in _fragments(path, data):
        if kind == 0:
            return records, True
        if (kind in (MIDDLE, LAST)) != bool(parts):
            raise damaged(path, f"fragments of a record are out of order after {len(records)} records")
        parts.append(payload)
        if kind in (FULL, LAST):
            records.append(b"".join(parts))
            parts.clear()
    return records, bool(parts)


def _fragments(path: Path, data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield (type, payload) of each fragment; at a torn end (0, b"") and no more."""
    array = np.frombuffer(data, np.uint8)
    position = 0
    while position < len(data):
        left = BLOCK - position % BLOCK
        if left < HEADER.size:
            position += left
            continue
        if position + HEADER.size > len(data):
            yield 0, b""
            return
        crc, length, kind = HEADER.unpack_from(data, position)
        start, end = position + HEADER.size, position + HEADER.size + length
        if crc == length == kind == 0:  # space that was reserved and not used
            if array[position : position + left].any():
                raise damaged(path, f"stray bytes in the empty space at byte {position}")
            position += left
            continue
        if HEADER.size + length > left or not FULL <= kind <= LAST:
            raise damaged(path, f"the record header at byte {position} is impossible")
        if end > len(data):
            if _some_prefix_checks(crc, data[start - 1 :]):
                raise damaged(path, f"wrong length of the record at byte {position}")
            yield 0, b""
            return
        if masked_crc(array[start - 1 : end]) != crc:
            raise damaged(path, f"wrong checksum of the record at byte {position}")
        yield kind, data[start:end]
        position = end


def _some_prefix_checks(crc: int, rest: bytes) -> bool:
    """Tell whether `crc` is the checksum of a beginning of `rest`: then it is the length that is wrong."""
    unmasked = crc - 0xA282EAD8 & 0xFFFFFFFF
    wanted = (unmasked << 15 | unmasked >> 17) & 0xFFFFFFFF ^ 0xFFFFFFFF
    table: list[int] = TABLES[0].tolist()
    register = 0xFFFFFFFF
    for byte in rest:
        register = register >> 8 ^ table[(register ^ byte) & 0xFF]
        if register == wanted:
            return True
    return False


def write_log(records: Iterator[bytes] | list[bytes]) -> bytes:
    """Return a log file with these records."""
    out = bytearray()
    for record in records:
        start, first = 0, True
        while first or start < len(record):
            left = BLOCK - len(out) % BLOCK
            if left < HEADER.size:
                out += bytes(left)
                left = BLOCK
            piece = record[start : start + left - HEADER.size]
            start += len(piece)
            last = start == len(record)
            kind = (FULL if last else FIRST) if first else (LAST if last else MIDDLE)
            crc = masked_crc(bytes([kind]) + piece)
            out += HEADER.pack(crc, len(piece), kind) + piece
            first = False
    return bytes(out)


def varint(data: bytes, position: int) -> tuple[int, int]:
    """Return the variable-length number at `position` and the position behind it; IndexError at the end of data."""
    value = data[position]
    position += 1
    if value < 0x80:
        return value, position
    value &= 0x7F
    for shift in range(7, 70, 7):
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
    raise IndexError("a number of more than ten bytes")


def prefixed(data: bytes, position: int) -> tuple[bytes, int]:
    """Return the length-prefixed string at `position` and the position behind it; IndexError when cut short."""
    length, position = varint(data, position)
    end = position + length
    if end > len(data):
        raise IndexError("a string that is cut short")
    return data[position:end], end


def batch_entries(path: Path, batch: bytes) -> Iterator[tuple[bytes, LogEntry]]:
    """Yield (key, entry) of each write in a write batch: sequence number, count, and then puts and deletions."""
    if len(batch) < 12:
        raise damaged(path, "a write batch without its header")
    sequence, count = struct.unpack_from("<QI", batch)
    position = 12
    try:
        for number in range(sequence, sequence + count):
            kind = batch[position]
            if kind > 1:
                raise IndexError(f"a write of type {kind}")
            key, position = prefixed(batch, position + 1)
            value = b""
            if kind == 1:
                value, position = prefixed(batch, position)
            yield key, (number << 8 | kind, value)
    except IndexError as error:
        raise damaged(path, f"the write batch {sequence} cannot be read ({error})") from None
    if position != len(batch):
        raise damaged(path, f"the write batch {sequence} has {len(batch) - position} bytes too many")
