from __future__ import annotations

import numpy as np
import pytest

from pycaffelite.data.records import Records, from_position, grouped
from pycaffelite.errors import DataError

ITEMS = [(b"key %d" % n, b"value" * n) for n in range(200)]


def test_items_as_records():
    records = Records.of(ITEMS)
    assert list(records) == ITEMS
    assert list(records[3:8:2]) == ITEMS[3:8:2]
    assert records.key(-1) == b"key 199"
    assert not records.keys.flags.writeable
    assert not records.content.flags.writeable


def test_groups_are_of_64_or_fewer_that_are_large():
    assert [len(piece) for piece in grouped([(b"k", b"v")] * 130)] == [64, 64, 2]
    assert [len(piece) for piece in grouped([(b"k", bytes(1 << 15))] * 5)] == [2, 2, 1]
    assert list(grouped([])) == []


def test_what_is_before_damage_comes_before_its_error():
    def broken():
        yield from ITEMS[:3]
        raise DataError("damage")

    pieces = grouped(broken())
    assert list(next(pieces)) == ITEMS[:3]
    with pytest.raises(DataError, match="damage"):
        next(pieces)


@pytest.mark.parametrize("start", [0, 1, 63, 64, 65, 199, 200, 999])
def test_from_a_position(start):
    pieces = list(from_position(start, grouped(ITEMS)))
    assert [item for piece in pieces for item in piece] == ITEMS[start:]
    assert all(map(len, pieces))


def test_keys_may_lie_in_other_memory_than_values():
    keys, content = np.frombuffer(b"ab", np.uint8), np.frombuffer(b"value", np.uint8)
    assert list(Records(keys, content, np.array([[0, 1, 0, 2], [1, 2, 2, 5]]))) == [(b"a", b"va"), (b"b", b"lue")]
