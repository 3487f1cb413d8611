from __future__ import annotations

import struct

import numpy as np
import pytest

from pycaffelite.kernels.pages import (
    BIG_DATA,
    FINE,
    HEADER,
    LEAF,
    OUTSIDE,
    OVERFLOW,
    WRONG_KIND,
    WRONG_NUMBER,
    leaf_records,
    long_values,
)

SIZE = 256


def node(key, value, size=None):
    """Return a node with its value, or with the number of a page and a size."""
    inline = size is None
    size, flags = (len(value), 0) if inline else (size, BIG_DATA)
    return (
        struct.pack("<HHHH", size & 0xFFFF, size >> 16, flags, len(key))
        + key
        + (value if inline else struct.pack("<Q", value))
    )


def leaf(number, *nodes):
    page = bytearray(SIZE)
    struct.pack_into("<QHHHH", page, 0, number, 0, LEAF, HEADER + 2 * len(nodes), 0)
    at = SIZE
    for n, each in enumerate(nodes):
        at -= len(each)
        page[at : at + len(each)] = each
        struct.pack_into("<H", page, HEADER + 2 * n, at)
    return bytes(page)


def records(pages, number=5, rows=3):
    """Read leaves in steps of some rows: keys with values, or with page and size; and the status."""
    found, page, at, status = [], 0, 0, FINE
    while page * SIZE < len(pages) and status == FINE:
        spans = np.empty((rows, 4), np.int64)
        count, page, at, long, status = leaf_records(np.frombuffer(pages, np.uint8), SIZE, number, page, at, spans)
        for begin, end, value, last in spans[:count].tolist():
            found.append((pages[begin:end], (value, last) if long else pages[value:last]))
    return found, status


FIRST = node(b"d", b"x")  # of the second page: it ends where the page ends
PAGES = leaf(5, node(b"a", b"1"), node(b"bb", b""), node(b"c", 99, 5000))
PAGES += leaf(6, FIRST, node(b"", 101, 300))


@pytest.mark.parametrize("rows", [1, 2, 8])
def test_short_and_long_values(rows):
    wanted = [(b"a", b"1"), (b"bb", b""), (b"c", (99, 5000)), (b"d", b"x"), (b"", (101, 300))]
    assert records(PAGES, rows=rows) == (wanted, FINE)


def changed(at, values):
    return PAGES[:at] + bytes(values) + PAGES[at + len(values) :]


AT = 2 * SIZE - len(FIRST)


@pytest.mark.parametrize(
    ("pages", "count", "status"),
    [
        (changed(SIZE, [7]), 3, WRONG_NUMBER),
        (changed(SIZE + 7, [1]), 3, WRONG_NUMBER),
        (changed(SIZE + 10, [OVERFLOW]), 3, WRONG_KIND),
        (changed(SIZE + 12, [HEADER - 1]), 3, WRONG_KIND),
        (changed(SIZE + 12, [0, 2]), 3, WRONG_KIND),
        (changed(SIZE + HEADER + 2, [SIZE - 7, 0]), 4, OUTSIDE),
        (changed(SIZE + HEADER + 2, [0xFF, 0xFF]), 4, OUTSIDE),
        (changed(AT, [2]), 3, OUTSIDE),
        (changed(AT + 2, [1]), 3, OUTSIDE),
        (changed(AT + 4, [2]), 3, OUTSIDE),
        (changed(AT + 4, [BIG_DATA]), 3, OUTSIDE),
        (changed(AT + 6, [2]), 3, OUTSIDE),
    ],
)
def test_what_is_before_damage_is_read(pages, count, status):
    found, got = records(pages)
    assert (len(found), got) == (count, status)


def test_page_numbers_that_are_too_large():
    assert records(leaf(5, node(b"a", (1 << 64) - 1, 1)))[0] == [(b"a", (-1, 1))]


def test_any_bytes():
    random = np.random.default_rng(3)
    for _ in range(200):
        pages = bytearray(PAGES)
        pages[int(random.integers(2)) * SIZE + int(random.integers(40))] = int(random.integers(256))
        records(bytes(pages))


def long_pages(*sizes, number=9):
    pages = b""
    for n, size in enumerate(sizes):
        value = struct.pack("<QHHI", number + len(pages) // SIZE, 0, OVERFLOW, 1) + bytes([n + 1]) * size
        pages += value.ljust(-(-len(value) // SIZE) * SIZE, b"\0")
    return pages


def test_long_values():
    pages = long_pages(300, 240, 241)
    spans = np.array([[0, 1, 9, 300], [1, 2, 11, 240], [2, 3, 12, 241]])
    assert long_values(np.frombuffer(pages, np.uint8), SIZE, spans) == 3
    assert [pages[begin:end] for begin, end in spans[:, 2:]] == [b"\1" * 300, b"\2" * 240, b"\3" * 241]
    assert spans[:, :2].tolist() == [[0, 1], [1, 2], [2, 3]]


@pytest.mark.parametrize("at", [0, 10])
def test_a_page_that_begins_no_long_value(at):
    pages = bytearray(long_pages(300, 240))
    pages[2 * SIZE + at] ^= OVERFLOW
    assert long_values(np.frombuffer(pages, np.uint8).copy(), SIZE, np.array([[0, 0, 9, 300], [0, 0, 11, 240]])) == 1
