"""Records in the memory that they were read into: where keys and values lie, and what they have in common.

Bytes come from files that may be damaged, so every place is checked here before it is used. Serial, all of it: it runs
in the prefetch thread, beside the kernels of the net.
"""

from __future__ import annotations

from pycaffelite.kernels._jit import Array, kernel

# Why the entries of a block end where they should not.
FINE, CUT, TOO_LONG, BEYOND = 0, 1, 2, 3

TAG = 8  # bytes behind each key of a LevelDB table: 1 for a put, 0 for a deletion, and the sequence number
_PUT = 1
_MOST = 1 << 56  # no number in a file that can be read is larger, and sums of such numbers stay numbers


@kernel(inner=True)
def _number(data: Array, position: int, end: int) -> tuple[int, int]:
    """Return the variable-length number at `position` and the position behind it, which is negative on damage."""
    value, shift = 0, 0
    while position < end:
        byte = int(data[position])
        position += 1
        if shift < 56:
            value |= (byte & 0x7F) << shift
        elif byte & 0x7F:
            value = _MOST
        if byte < 0x80:
            return value, position
        shift += 7
        if shift == 70:
            return 0, -TOO_LONG
    return 0, -CUT


@kernel(inner=True)
def _copy(source: Array, begin: int, count: int, out: Array, at: int) -> None:
    """Write out[at + i] = source[begin + i]."""
    for i in range(count):
        out[at + i] = source[begin + i]


@kernel()
def block_entries(block: Array, position: int, end: int, used: int, keys: Array, spans: Array) -> tuple[int, int, int]:
    """Find the entries of a block of a LevelDB table, as many as there is room for.

    An entry gives the number of bytes that its key shares with the key before, the number of its own, the length of
    the value, and then both.

    Args:
        block: uint8, in.
        position: Where the next entry begins.
        end: Where the last one ends.
        used: How long the key before is.
        keys: uint8, in and out: the key before, and then the keys, one behind the other; behind the first there must
            be room for a key as long as the block.
        spans: int64 (N, 4), out: where in `keys` a key begins and ends, and its value in `block`.

    Returns:
        How many entries were found, where the next one begins, and why it cannot be read, or FINE.
    """
    key, count = 0, 0  # the key before begins here, and ends at `used`
    while position < end and count < spans.shape[0]:
        at = position
        for k in range(3):
            spans[count, k], at = _number(block, at, end)
            if at < 0:
                return count, position, -at
        shared, own, length = spans[count, 0], spans[count, 1], spans[count, 2]
        if shared > used - key or at + own + length > end:
            return count, position, BEYOND
        if used + shared + own > keys.size:
            break
        _copy(keys, key, shared, keys, used)
        _copy(block, at, own, keys, used + shared)
        key, used = used, used + shared + own
        position = at + own + length
        spans[count, 0], spans[count, 1], spans[count, 2], spans[count, 3] = key, used, at + own, position
        count += 1
    return count, position, FINE


@kernel(inner=True)
def _above(keys: Array, begin: int, end: int, begin_before: int, end_before: int) -> bool:
    """Return whether a key comes after the one before."""
    for i in range(min(end - begin, end_before - begin_before)):
        if keys[begin + i] != keys[begin_before + i]:
            return bool(keys[begin + i] > keys[begin_before + i])
    return end - begin > end_before - begin_before


@kernel()
def count_plain(keys: Array, spans: Array, tagged: bool) -> int:
    """Return how many records there are from the first one on whose keys ascend.

    Args:
        keys: uint8, in.
        spans: int64 (N, 4), in: where in `keys` a key begins and ends; the rest is not looked at.
        tagged: Whether the records are entries of a LevelDB table, which must then be puts, too.
    """
    tag = TAG if tagged else 0
    for n in range(spans.shape[0]):
        begin, end = spans[n, 0], spans[n, 1] - tag
        if tagged and (end < begin or keys[end] != _PUT):
            return n
        if n and not _above(keys, begin, end, spans[n - 1, 0], spans[n - 1, 1] - tag):
            return n
    return int(spans.shape[0])


@kernel()
def read_alike(
    content: Array, spans: Array, head: Array, tail: Array, images: Array, labels: Array, first: int
) -> bool:
    """Read images and labels of records that are bytes `head`, pixels, and bytes `tail`, the second of them a label.

    Args:
        content: uint8, in.
        spans: int64 (N, 4), in: where in `content` a value begins and ends; the rest is not looked at.
        head: uint8, in.
        tail: uint8 of at least 2, in; the second is not looked at.
        images: uint8 (M, D), out, from row `first` on; M is at least `first` + N.
        labels: int32 (M,), out, from row `first` on.
        first: Where to begin.

    Returns:
        Whether all records are so, with labels below 128; where they are not, no more is written.
    """
    for n in range(spans.shape[0]):
        begin, pixels = spans[n, 2] + head.size, images.shape[1]
        if spans[n, 3] - begin != pixels + tail.size:
            return False
        for i in range(head.size):
            if content[begin - head.size + i] != head[i]:
                return False
        for i in range(tail.size):
            if i != 1 and content[begin + pixels + i] != tail[i]:
                return False
        labels[first + n] = content[begin + pixels + 1]
        if labels[first + n] >= 128:
            return False
        # Lines, as an index that a sum gives may be negative for all the compiler knows: no vectors then.
        image, line = images[first + n], content[begin : begin + pixels]
        for i in range(pixels):
            image[i] = line[i]
    return True
