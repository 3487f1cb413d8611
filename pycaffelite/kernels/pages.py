"""Pages of LMDB's B+ tree: where the records of leaves lie, and long values.

A page begins with its number (8 bytes), padding (2), flags (2), and the end of the offsets (2) of its nodes, which
begin at byte 16. A leaf's node holds the low and the high half of a value's size, flags, the key's size (2 bytes each),
the key, and the value or, where it is long, the number of the page (8 bytes) that begins it.

Bytes come from files that may be damaged, so every place is checked here before it is used. Serial, all of it: it runs
in the prefetch thread, beside the kernels of the net.
"""

from __future__ import annotations

from pycaffelite.kernels._jit import Array, kernel

# Why the records of a page end where they should not.
FINE, WRONG_NUMBER, WRONG_KIND, OUTSIDE = 0, 1, 2, 3

HEADER = 16  # bytes of a page
BRANCH, LEAF, OVERFLOW, META = 0x01, 0x02, 0x04, 0x08  # flags of pages
BIG_DATA = 0x01  # flag of a node whose value is in overflow pages; the others belong to nested databases
_NODE = 8  # bytes before the key


@kernel(inner=True)
def _word(data: Array, position: int, size: int) -> int:
    """Return the number of `size` bytes at `position`, the least one first."""
    value = 0
    for i in range(size):
        value |= int(data[position + i]) << 8 * i
    return value


@kernel(inner=True)
def _page_number(data: Array, position: int) -> int:
    """Return the number of eight bytes at `position`; negative where it is larger than int64 holds."""
    high = _word(data, position + 4, 4)
    return _word(data, position, 4) | (high - (1 << 32) if high >> 31 else high) << 32


@kernel()
def leaf_records(
    pages: Array, page_size: int, number: int, page: int, node: int, spans: Array
) -> tuple[int, int, int, bool, int]:
    """Find the records of leaves, as many as there is room for, and as are all short or all long.

    Args:
        pages: uint8, in: pages that follow one another.
        page_size: Bytes of a page.
        number: What the first of the pages should be numbered.
        page: Which of the pages to begin with.
        node: Which of its nodes to begin with.
        spans: int64 (N, 4), out: where in `pages` a key begins and ends, and its value; of a long value the number of
            its first page, and its size.

    Returns:
        How many records were found, the page and the node of the next one, whether those found have long values, and
        why the next one cannot be read, or FINE.
    """
    count, long = 0, False
    while page * page_size < pages.size:
        begin = page * page_size
        if _page_number(pages, begin) != number + page:
            return count, page, node, long, WRONG_NUMBER
        kind, lower = _word(pages, begin + 10, 2), _word(pages, begin + 12, 2)
        if kind & (BRANCH | LEAF | OVERFLOW | META) != LEAF or lower < HEADER or lower > page_size:
            return count, page, node, long, WRONG_KIND
        while node < (lower - HEADER) // 2:
            at = _word(pages, begin + HEADER + 2 * node, 2)
            if at + _NODE > page_size:
                return count, page, node, long, OUTSIDE
            at += begin
            size, flags, key = _word(pages, at, 4), _word(pages, at + 4, 2), at + _NODE
            value = key + _word(pages, at + 6, 2)
            big = flags == BIG_DATA
            if flags & ~BIG_DATA or value + (8 if big else size) > begin + page_size:
                return count, page, node, long, OUTSIDE
            if count == spans.shape[0] or (count and big != long):
                return count, page, node, long, FINE
            long = big
            spans[count, 0], spans[count, 1] = key, value
            spans[count, 2], spans[count, 3] = (_page_number(pages, value), size) if big else (value, value + size)
            count, node = count + 1, node + 1
        page, node = page + 1, 0
    return count, page, node, long, FINE


@kernel()
def long_values(pages: Array, page_size: int, spans: Array) -> int:
    """Write where long values begin and end in their pages, which follow one another; return how many are there.

    Args:
        pages: uint8, in.
        page_size: Bytes of a page.
        spans: int64 (N, 4), in and out: the first page's number and the size of a value at the end of a row, which
            become its place in `pages`. The first value's first page is the first of `pages`, which hold all values.
    """
    begin = 0
    for n in range(spans.shape[0]):
        size = spans[n, 3]
        if _page_number(pages, begin) != spans[n, 2] or not _word(pages, begin + 10, 2) & OVERFLOW:
            return n
        spans[n, 2], spans[n, 3] = begin + HEADER, begin + HEADER + size
        begin += (HEADER + size + page_size - 1) // page_size * page_size
    return int(spans.shape[0])
