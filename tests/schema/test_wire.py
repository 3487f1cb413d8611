from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pycaffelite.schema import messages
from pycaffelite.schema.wire import read_varint, varint, wire_fields


@given(st.integers(0, 1 << 62))
def test_varint(value: int) -> None:
    encoded = varint(value)
    assert read_varint(encoded, 0, len(encoded)) == (value, len(encoded))
    assert list(messages.BlobShape.FromString(b"\x0a" + varint(len(encoded)) + encoded).dim) == [value]


@pytest.mark.parametrize("length", [0, 1, 200])
def test_fields_walk_over_every_wire_type(length: int) -> None:
    layer = messages.LayerParameter(name="n" * length, loss_weight=[1.5], phase=messages.TEST)
    encoded = layer.SerializeToString()
    found = list(wire_fields(encoded, 0, len(encoded)))
    assert [field.number for field in found] == [1, 5, 10]
    assert encoded[found[0].start : found[0].end] == b"n" * length
    assert [field.tag for field in found] == [0, found[0].end, found[1].end]
    assert found[-1].end == len(encoded)


@pytest.mark.parametrize("content", [b"\x0a\x05ab", b"\xff" * 12, b"\x0b", b"\x09abc", b"\x02\x00"])
def test_what_is_no_message(content: bytes) -> None:
    with pytest.raises(ValueError, match="a "):
        list(wire_fields(content, 0, len(content)))
