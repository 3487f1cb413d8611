from __future__ import annotations

import numpy as np
import pytest

from pycaffelite.kernels.crc32c import crc32c


def oracle(data: bytes) -> int:
    register = 0xFFFFFFFF
    for byte in data:
        register ^= byte
        for _ in range(8):
            register = register >> 1 ^ (0x82F63B78 if register & 1 else 0)
    return register ^ 0xFFFFFFFF


@pytest.mark.parametrize(
    ("data", "crc"),
    [(b"", 0), (b"123456789", 0xE3069283), (bytes(32), 0x8A9136AA), (b"\xff" * 32, 0x62A8AB43)],
)
def test_published_values(data, crc):
    assert crc32c(np.frombuffer(data, np.uint8)) == crc


@pytest.mark.parametrize("size", [1, 7, 8, 9, 15, 16, 100])
def test_any_length(size):
    data = np.random.default_rng(size).bytes(size)
    assert crc32c(np.frombuffer(data, np.uint8)) == oracle(data)
