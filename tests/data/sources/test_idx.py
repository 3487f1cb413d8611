from __future__ import annotations

import gzip
import struct

import numpy as np
import pytest

from pycaffelite.data.sources.idx import read_idx
from pycaffelite.errors import DataError

ARRAY = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
FILE = struct.pack(">BBBBIII", 0, 0, 8, 3, 2, 3, 4) + ARRAY.tobytes()


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_raw_and_gzipped(tmp_path, pack):
    (tmp_path / "a").write_bytes(pack(FILE))
    np.testing.assert_array_equal(read_idx(tmp_path / "a"), ARRAY)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "it begins with nothing, not as an IDX file of bytes"),
        (b"PK\3\4", "it begins with 50 4b 03 04, not as an IDX file of bytes"),
        (FILE[:-1], "23 bytes of 24; it was cut short"),
        (FILE[:9], "its shape 2 is impossible"),
        (FILE + b"x", "more than its 24 bytes"),
        (struct.pack(">BBBBIII", 0, 0, 8, 3, 1 << 30, 1 << 30, 28), "is impossible"),
        (struct.pack(">BBBBIII", 0, 0, 8, 3, 1 << 20, 28, 28) + b"abc", "3 bytes of 822083584"),
        (gzip.compress(FILE)[:-12], "it does not decompress"),
        (gzip.compress(FILE)[:20] + b"garbage-garbage", "it does not decompress"),
    ],
)
def test_bad_files(tmp_path, content, said):
    (tmp_path / "a").write_bytes(content)
    with pytest.raises(DataError, match="this is no IDX file") as error:
        read_idx(tmp_path / "a")
    assert said.removesuffix("; it was cut short") in error.value.got


def test_missing(tmp_path):
    with pytest.raises(DataError, match="cannot be read"):
        read_idx(tmp_path / "a")
