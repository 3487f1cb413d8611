"""Moving pixels between images and the matrices that a convolution multiplies; serial, called from its tasks.

Runs of neighbouring pixels are short (a kernel's row, an output row), so they are moved eight elements at a time, and
what is moved too much is overwritten by the next run: rows of scratch are written in ascending order and end in slack.
"""

from __future__ import annotations

from pycaffelite.kernels._jit import kernel
from pycaffelite.kernels.convolution_plan import (
    DILATION_H,
    DILATION_W,
    HEIGHT,
    KERNEL_H,
    KERNEL_W,
    OUT_W,
    PAD_H,
    PAD_W,
    STRIDE_H,
    STRIDE_W,
    WIDTH,
)
from pycaffelite.kernels.microkernel import SHORT, add8, copy8


@kernel()
def copy_run(target, target_at, source, source_at, count, step):  # type: ignore[no-untyped-def]
    """Copy `count` elements that lie `step` apart; may write up to SHORT - 1 elements more, where step is 1."""
    done = 0
    if step == 1:
        while done < count and source_at + done + SHORT <= source.size:
            copy8(target, target_at + done, source, source_at + done)
            done += SHORT
    for i in range(done, count):
        target[target_at + i] = source[source_at + i * step]


@kernel()
def _valid(offset, step, length, outputs):  # type: ignore[no-untyped-def]
    """Return the outputs from where to where read inside the image, when output i reads place i * step + offset."""
    first = 0 if offset >= 0 else -(offset // step)
    last = (length - 1 - offset) // step + 1 if length > offset else 0
    first = min(first, outputs)
    return first, max(first, min(last, outputs))


@kernel()
def pack_columns(x, x_at, target, target_at, stride, g, p0, p1, k0, k1):  # type: ignore[no-untyped-def]
    """Write patches as rows k of pixels p: target[k - k0, p - p0]."""
    area, outputs = g[KERNEL_H] * g[KERNEL_W], g[OUT_W]
    for k in range(k0, k1):
        kh, kw = k % area // g[KERNEL_W], k % g[KERNEL_W]
        plane = x_at + k // area * g[HEIGHT] * g[WIDTH]
        down, right = kh * g[DILATION_H] - g[PAD_H], kw * g[DILATION_W] - g[PAD_W]
        first, last = _valid(right, g[STRIDE_W], g[WIDTH], outputs)
        place = target_at + (k - k0) * stride
        oh, ow, left = p0 // outputs, p0 % outputs, p1 - p0
        while left > 0:
            run = min(outputs - ow, left)
            ih = oh * g[STRIDE_H] + down
            begin, end = max(ow, first), min(ow + run, last)
            if ih < 0 or ih >= g[HEIGHT] or begin >= end:
                begin = end = ow
            for i in range(begin - ow):
                target[place + i] = 0
            source = plane + ih * g[WIDTH] + begin * g[STRIDE_W] + right
            copy_run(target, place + begin - ow, x, source, end - begin, g[STRIDE_W])
            for i in range(end - ow, run):
                target[place + i] = 0
            place += run
            left -= run
            oh += 1
            ow = 0


@kernel()
def add_columns(source, source_at, stride, dx, x_at, g, p0, p1, channels):  # type: ignore[no-untyped-def]
    """Add rows k of pixels p to the pixels of dx that they are the patches of: the reverse of `pack_columns`."""
    area, outputs = g[KERNEL_H] * g[KERNEL_W], g[OUT_W]
    for k in range(channels * area):
        kh, kw = k % area // g[KERNEL_W], k % g[KERNEL_W]
        plane = x_at + k // area * g[HEIGHT] * g[WIDTH]
        down, right = kh * g[DILATION_H] - g[PAD_H], kw * g[DILATION_W] - g[PAD_W]
        first, last = _valid(right, g[STRIDE_W], g[WIDTH], outputs)
        place = source_at + k * stride
        oh, ow, left = p0 // outputs, p0 % outputs, p1 - p0
        while left > 0:
            run = min(outputs - ow, left)
            ih = oh * g[STRIDE_H] + down
            begin, end = max(ow, first), min(ow + run, last)
            if 0 <= ih < g[HEIGHT] and begin < end:
                target = plane + ih * g[WIDTH] + begin * g[STRIDE_W] + right
                _add_run(dx, target, source, place + begin - ow, end - begin, g[STRIDE_W])
            place += run
            left -= run
            oh += 1
            ow = 0


@kernel()
def _add_run(target, target_at, source, source_at, count, step):  # type: ignore[no-untyped-def]
    """Add `count` elements to places that lie `step` apart."""
    done = 0
    if step == 1:
        while done + SHORT <= count:
            add8(target, target_at + done, source, source_at + done)
            done += SHORT
    for i in range(done, count):
        target[target_at + i * step] += source[source_at + i]


@kernel()
def pad_planes(x, x_at, target, target_at, g, channels):  # type: ignore[no-untyped-def]
    """Copy some channels of an image into a frame of zeros, so that `pack_rows` need not look for borders."""
    row = g[WIDTH] + 2 * g[PAD_W]
    rows = g[HEIGHT] + 2 * g[PAD_H]
    if g[PAD_H] > 0 or g[PAD_W] > 0:
        for i in range(channels * rows * row):
            target[target_at + i] = 0
    for c in range(channels):
        for h in range(g[HEIGHT]):
            source = x_at + (c * g[HEIGHT] + h) * g[WIDTH]
            place = target_at + (c * rows + h + g[PAD_H]) * row + g[PAD_W]
            for w in range(g[WIDTH]):
                target[place + w] = x[source + w]


@kernel()
def pack_rows(source, source_at, target_at, stride, g, p0, p1, channels):  # type: ignore[no-untyped-def]
    """Write patches as rows p of positions k: source[target_at + (p - p0) * stride + k], from padded planes."""
    row = g[WIDTH] + 2 * g[PAD_W]
    plane = (g[HEIGHT] + 2 * g[PAD_H]) * row
    for p in range(p0, p1):
        corner = source_at + p // g[OUT_W] * g[STRIDE_H] * row + p % g[OUT_W] * g[STRIDE_W]
        place = target_at + (p - p0) * stride
        for c in range(channels):
            for kh in range(g[KERNEL_H]):
                begin = corner + c * plane + kh * g[DILATION_H] * row
                if g[DILATION_W] == 1:
                    for kw in range(0, g[KERNEL_W], SHORT):
                        copy8(source, place + kw, source, begin + kw)
                else:
                    for kw in range(g[KERNEL_W]):
                        source[place + kw] = source[begin + kw * g[DILATION_W]]
                place += g[KERNEL_W]
