from __future__ import annotations

import numpy as np
import pytest

from pycaffelite.kernels.records import BEYOND, CUT, FINE, TAG, TOO_LONG, block_entries, count_plain, read_alike


def number(value):
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def sealed(data):
    return np.frombuffer(data, np.uint8)


def entry(shared, own, value):
    return number(shared) + number(len(own)) + number(len(value)) + own + value


def entries(block, rows=4):
    """Read a whole block in steps of some rows: keys and values, and the status."""
    found, position, last, status = [], 0, sealed(b""), FINE
    while position < len(block) and status == FINE:
        keys, spans = np.empty(len(last) + len(block), np.uint8), np.empty((rows, 4), np.int64)
        keys[: len(last)] = last
        count, position, status = block_entries(sealed(block), position, len(block), len(last), keys, spans)
        for begin, end, value, value_end in spans[:count].tolist():
            found.append((keys[begin:end].tobytes(), block[value:value_end]))
        if count:
            last = sealed(found[-1][0])
    return found, status


def oracle(block):
    """Read a block as plainly as can be; None for the rest where it is damaged."""
    found, position, key = [], 0, b""

    def take():
        nonlocal position
        value = 0
        for shift in range(0, 70, 7):
            byte = block[position]
            position += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
        raise IndexError

    try:
        while position < len(block):
            shared, own, length = take(), take(), take()
            if shared > len(key) or position + own + length > len(block):
                raise IndexError
            key = key[:shared] + block[position : position + own]
            found.append((key, block[position + own : position + own + length]))
            position += own + length
    except IndexError:
        return found, False
    return found, True


def test_entries_with_shared_keys():
    block = (
        entry(0, b"abc", b"1") + entry(2, b"x", b"") + entry(3, b"", b"22") + entry(0, b"", b"") + entry(0, b"k", b"v")
    )
    wanted = [(b"abc", b"1"), (b"abx", b""), (b"abx", b"22"), (b"", b""), (b"k", b"v")]
    for rows in (1, 2, 5, 9):
        assert entries(block, rows) == (wanted, FINE)


def test_long_keys_that_share_much_take_no_more_room_than_the_block():
    key = bytes(range(200))
    block = entry(0, key, b"") + entry(199, b"z", b"1") * 30
    assert entries(block, 40) == ([(key, b"")] + [(key[:199] + b"z", b"1")] * 30, FINE)


@pytest.mark.parametrize(
    ("tail", "status"),
    [
        (b"\x00\x01", CUT),
        (b"\x80", CUT),
        (b"\x00\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", TOO_LONG),
        (entry(9, b"a", b""), BEYOND),
        (entry(0, b"a", b"value")[:-1], BEYOND),
        (number((1 << 64) - 1) + b"\x00\x00", BEYOND),
        (b"\x00" + number((1 << 63) - 1) + number((1 << 63) - 1), BEYOND),
    ],
)
def test_what_is_before_damage_is_read(tail, status):
    assert entries(entry(0, b"key", b"value") + tail) == ([(b"key", b"value")], status)


def test_any_bytes():
    random = np.random.default_rng(4)
    good = b"".join(entry(min(n % 4, 1), bytes([65 + n]), bytes(n)) for n in range(12))
    for _ in range(200):
        block = bytearray(good)
        for place in random.integers(len(good), size=3):
            block[place] ^= 1 << int(random.integers(8))
        found, status = entries(bytes(block))
        wanted, fine = oracle(bytes(block))
        assert found == wanted
        assert (status == FINE) == fine


def places(*keys):
    """Return keys one behind the other, and where they are."""
    ends = np.cumsum([len(key) for key in keys])
    spans = np.zeros((len(keys), 4), np.int64)
    spans[:, 0], spans[:, 1] = ends - [len(key) for key in keys], ends
    return sealed(b"".join(keys)), spans


@pytest.mark.parametrize(
    ("keys", "count"),
    [
        ([b"a", b"b", b"ba", b"c"], 4),
        ([b"a", b"b", b"b", b"c"], 2),
        ([b"b", b"a"], 1),
        ([b"ab", b"a"], 1),
        ([b"", b"a"], 2),
        ([b"\x7f", b"\x80"], 2),
    ],
)
def test_keys_that_ascend(keys, count):
    assert count_plain(*places(*keys), False) == count
    tagged = [key + bytes([1, *[255 - n] * (TAG - 1)]) for n, key in enumerate(keys)]
    assert count_plain(*places(*tagged), True) == count


@pytest.mark.parametrize("bad", [b"short", b"b" + bytes(TAG), b"b" + bytes([2] * TAG)])
def test_entries_that_are_no_puts(bad):
    put = bytes([1] + [0] * (TAG - 1))
    assert count_plain(*places(b"a" + put, bad, b"c" + put), True) == 1


def alike(value, head=b"hh", tail=b"(?e"):
    images, labels = np.zeros((3, 4), np.uint8), np.zeros(3, np.int32)
    spans = np.array([[0, 0, 1, 1 + len(value)]])
    result = read_alike(sealed(b"." + value + b"."), spans, sealed(head), sealed(tail), images, labels, 1)
    return result, images[1].tobytes(), labels.tolist()


def test_records_that_are_alike():
    assert alike(b"hhwxyz(\x07e") == (True, b"wxyz", [0, 7, 0])


@pytest.mark.parametrize(
    "value", [b"hhwxyz(\x80e", b"hhwxyz(\x07", b"hxwxyz(\x07e", b"hhwxyz)\x07e", b"hhwxyz(\x07f", b""]
)
def test_records_that_are_not(value):
    assert not alike(value)[0]
