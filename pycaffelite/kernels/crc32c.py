"""CRC-32C (Castagnoli), the checksum of LevelDB's blocks and log records."""

from __future__ import annotations

import numpy as np

from pycaffelite.kernels._jit import Array, kernel


def _tables() -> Array:
    """Return 8 x 256 words: table[k][b] is the register after byte b and then k zero bytes."""
    table = np.zeros((8, 256), np.uint32)
    for byte in range(256):
        value = byte
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
        table[0, byte] = value
    for k in range(1, 8):
        table[k] = table[k - 1] >> 8 ^ table[0][table[k - 1] & 0xFF]
    return table


TABLES = _tables()


@kernel()
def crc32c(data: Array, tables: Array) -> int:
    """Return the CRC-32C of `data`.

    Eight bytes a step through eight tables, so that the lookups do not wait for each other: about 1.5 GB/s. Serial:
    it runs while data are read, beside the kernels of the net.

    Args:
        data: uint8 (bytes), in.
        tables: uint32 (8, 256), in: `TABLES`.
    """
    count = data.shape[0]
    crc = np.int64(0xFFFFFFFF)
    i = 0
    while i + 8 <= count:
        low = crc ^ (
            np.int64(data[i]) | np.int64(data[i + 1]) << 8 | np.int64(data[i + 2]) << 16 | np.int64(data[i + 3]) << 24
        )
        crc = (
            np.int64(tables[7, low & 0xFF])
            ^ np.int64(tables[6, low >> 8 & 0xFF])
            ^ np.int64(tables[5, low >> 16 & 0xFF])
            ^ np.int64(tables[4, low >> 24])
            ^ np.int64(tables[3, data[i + 4]])
            ^ np.int64(tables[2, data[i + 5]])
            ^ np.int64(tables[1, data[i + 6]])
            ^ np.int64(tables[0, data[i + 7]])
        )
        i += 8
    while i < count:
        crc = crc >> 8 ^ np.int64(tables[0, (crc ^ data[i]) & 0xFF])
        i += 1
    return int(crc ^ 0xFFFFFFFF)
