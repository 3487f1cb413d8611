"""Moving pixels between images and the matrices that a convolution multiplies; serial, called from its tasks.

Runs of neighbouring pixels are short (a kernel's row, an output row), so they are moved eight elements at a time, and
what is moved too much is overwritten by the next run: scratch is written in ascending order and ends in slack.
All arguments but numbers are flat arrays or pointers, `g` is the vector described in `convolution_plan`.
"""

from __future__ import annotations

from pycaffelite.kernels._jit import Array, kernel
from pycaffelite.kernels.convolution_plan import (
    DILATION_H,
    DILATION_W,
    HEIGHT,
    KERNEL_H,
    KERNEL_W,
    OUT_W,
    PAD_H,
    PAD_W,
    PHASE_ROWS,
    PLANE,
    ROW,
    SHIFTS,
    STRIDE_H,
    STRIDE_W,
    WIDTH,
    X_SIZE,
    Numbers,
)
from pycaffelite.kernels.moves import SHORT, add8, copy8


@kernel(inner=True)
def _valid(offset: int, step: int, length: int, outputs: int) -> tuple[int, int]:
    """Return the outputs from where to where read inside the image, when output i reads place i * step + offset."""
    first = 0 if offset >= 0 else -(offset // step)
    last = (length - 1 - offset) // step + 1 if length > offset else 0
    first = min(first, outputs)
    return first, max(first, min(last, outputs))


@kernel(inner=True)
def pack_planes(
    x: Array, x_at: int, target: Array, at: int, frame: int, g: Numbers, row: int, rows: int, channels: int
) -> None:
    """Write the planes of some channels of an image, for output rows from `row` on; `frame` is room for a channel."""
    outputs, step = g[OUT_W], g[STRIDE_W]
    needed = rows + (g[KERNEL_H] - 1) * g[DILATION_H] // g[STRIDE_H]
    end_of_image = x_at + channels * g[HEIGHT] * g[WIDTH]
    easy = step == 1 and g[PAD_H] == 0 and g[PAD_W] == 0 and g[STRIDE_H] == 1 and end_of_image + SHORT <= g[X_SIZE]
    if step == 1 and g[STRIDE_H] == 1 and not easy:
        _pack_framed(x, x_at, target, at, frame, g, row, needed, channels)
        return
    for number in range(channels * g[KERNEL_W]):
        right = number % g[KERNEL_W] * g[DILATION_W] - g[PAD_W]
        source = x_at + number // g[KERNEL_W] * g[HEIGHT] * g[WIDTH] + right
        place = at + number * g[PLANE]
        if easy:
            source += row * g[WIDTH]
            for _index in range(needed):
                for i in range(0, outputs, SHORT):
                    copy8(target, place + i, x, source + i)
                place += outputs
                source += g[WIDTH]
        else:
            first, last = _valid(right, step, g[WIDTH], outputs)
            for phase in range(g[STRIDE_H]):
                for index in range(needed):
                    h = (row + index) * g[STRIDE_H] + phase - g[PAD_H]
                    to = place + (phase * g[PHASE_ROWS] + index) * outputs
                    begin, end = (first, last) if 0 <= h < g[HEIGHT] else (outputs, outputs)
                    _pack_line(x, source + h * g[WIDTH], target, to, g, begin, end)


@kernel(inner=True)
def _pack_framed(
    x: Array, x_at: int, target: Array, at: int, frame: int, g: Numbers, row: int, needed: int, channels: int
) -> None:
    """Write planes by way of a frame of zeros around the rows of one channel, so that no run need look for borders."""
    line, outputs = g[WIDTH] + 2 * g[PAD_W], g[OUT_W]
    for i in range(frame, frame + needed * line):
        target[i] = 0
    first = max(0, g[PAD_H] - row)
    last = min(needed, g[HEIGHT] + g[PAD_H] - row)
    for c in range(channels):
        for index in range(first, last):
            source = x_at + (c * g[HEIGHT] + row + index - g[PAD_H]) * g[WIDTH]
            place = frame + index * line + g[PAD_W]
            _copy_line(x, source, target, place, g[WIDTH])
        for kw in range(g[KERNEL_W]):
            source = frame + kw * g[DILATION_W]
            place = at + (c * g[KERNEL_W] + kw) * g[PLANE]
            for _index in range(needed):
                for i in range(0, outputs, SHORT):
                    copy8(target, place + i, target, source + i)
                place += outputs
                source += line


@kernel(inner=True)
def _pack_line(x: Array, source: int, target: Array, to: int, g: Numbers, begin: int, end: int) -> None:
    """Write one row of a plane: pixels from begin to end, zeros before and behind."""
    for i in range(begin):
        target[to + i] = 0
    if g[STRIDE_W] == 1 and source + end + SHORT <= g[X_SIZE]:
        for i in range(begin, end, SHORT):
            copy8(target, to + i, x, source + i)
    else:
        for i in range(begin, end):
            target[to + i] = x[source + i * g[STRIDE_W]]
    for i in range(end, g[OUT_W]):
        target[to + i] = 0


@kernel(inner=True)
def add_planes(source: Array, at: int, dx: Array, x_at: int, g: Numbers, row: int, rows: int, channels: int) -> None:
    """Add planes to the pixels of dx that they were packed from: the reverse of `pack_planes`.

    Kernel columns are the outer loop: what one adds overlaps with what the next one reads, and the processor must not
    meet the two shortly after each other.
    """
    outputs, step = g[OUT_W], g[STRIDE_W]
    needed = rows + (g[KERNEL_H] - 1) * g[DILATION_H] // g[STRIDE_H]
    easy = step == 1 and g[PAD_H] == 0 and g[PAD_W] == 0 and g[STRIDE_H] == 1 and outputs % SHORT == 0
    for number in range(channels * g[KERNEL_W]):
        c, kw = number % channels, number // channels
        right = kw * g[DILATION_W] - g[PAD_W]
        target = x_at + c * g[HEIGHT] * g[WIDTH] + right
        place = at + (c * g[KERNEL_W] + kw) * g[PLANE]
        if easy:
            target += row * g[WIDTH]
            for _index in range(needed):
                for i in range(0, outputs, SHORT):
                    add8(dx, target + i, source, place + i)
                target += g[WIDTH]
                place += outputs
        else:
            first, last = _valid(right, step, g[WIDTH], outputs)
            for phase in range(g[STRIDE_H]):
                for index in range(needed):
                    h = (row + index) * g[STRIDE_H] + phase - g[PAD_H]
                    if 0 <= h < g[HEIGHT]:
                        from_ = place + (phase * g[PHASE_ROWS] + index) * outputs
                        _add_line(source, from_, dx, target + h * g[WIDTH], first, last, step)


@kernel(inner=True)
def _add_line(source: Array, from_: int, dx: Array, to: int, first: int, last: int, step: int) -> None:
    """Add one row of a plane to its pixels."""
    begin = first
    if step == 1:
        while begin + SHORT <= last:
            add8(dx, to + begin, source, from_ + begin)
            begin += SHORT
    for i in range(begin, last):
        dx[to + i * step] += source[from_ + i]


@kernel(inner=True)
def pad_planes(x: Array, x_at: int, target: Array, target_at: int, g: Numbers, channels: int, fresh: bool) -> None:
    """Copy some channels of an image into a frame, so that `pack_rows` need not look for borders; zeros if fresh."""
    row = g[WIDTH] + 2 * g[PAD_W]
    rows = g[HEIGHT] + 2 * g[PAD_H]
    if fresh:
        for i in range(channels * rows * row):
            target[target_at + i] = 0
    for line in range(channels * g[HEIGHT]):
        place = target_at + (line // g[HEIGHT] * rows + line % g[HEIGHT] + g[PAD_H]) * row + g[PAD_W]
        _copy_line(x, x_at + line * g[WIDTH], target, place, g[WIDTH])


@kernel(inner=True)
def _copy_line(source: Array, begin: int, target: Array, to: int, count: int) -> None:
    """Copy a run of pixels and nothing beyond it."""
    whole = count - count % SHORT
    for i in range(0, whole, SHORT):
        copy8(target, to + i, source, begin + i)
    for i in range(whole, count):
        target[to + i] = source[begin + i]


@kernel(inner=True)
def pack_rows(
    source: Array, at: int, target: Array, place: int, g: Numbers, row: int, rows: int, channels: int
) -> None:
    """Write patches as rows of pixels, ROW elements apart, from planes with their padding.

    A patch holds (c, kw) for every row that some kernel row meets when SHIFTS > 1, else (c, kh, kw) for output rows.
    """
    line = g[WIDTH] + 2 * g[PAD_W]
    height = g[HEIGHT] + 2 * g[PAD_H]
    shifted = g[SHIFTS] > 1
    phases = g[STRIDE_H] if shifted else 1
    needed = rows + (g[KERNEL_H] - 1) * g[DILATION_H] // g[STRIDE_H] if shifted else rows
    pieces = 1 if shifted else g[KERNEL_H]
    for number in range(phases * needed):  # the outer loop, so that what one pass writes stays in the first cache
        phase, index = number // needed, number % needed
        to = place + (phase * g[PHASE_ROWS] + index) * g[OUT_W] * g[ROW]
        for c in range(channels):
            for kh in range(pieces):
                h = (row + index) * g[STRIDE_H] + phase + kh * g[DILATION_H]
                if h < height:
                    _scatter_line(source, at + (c * height + h) * line, target, to, g)
                to += g[KERNEL_W]


@kernel(inner=True)
def _scatter_line(source: Array, begin: int, target: Array, to: int, g: Numbers) -> None:
    """Write the runs of KERNEL_W pixels of one line, one for each output column."""
    if g[DILATION_W] == 1 and g[KERNEL_W] > 1:
        for run in range(0, g[KERNEL_W], SHORT):
            for w in range(g[OUT_W]):
                copy8(target, to + w * g[ROW] + run, source, begin + w * g[STRIDE_W] + run)
    else:
        for kw in range(g[KERNEL_W]):
            for w in range(g[OUT_W]):
                target[to + w * g[ROW] + kw] = source[begin + w * g[STRIDE_W] + kw * g[DILATION_W]]
