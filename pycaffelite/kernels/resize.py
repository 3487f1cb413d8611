"""Resizes images of bytes as OpenCV does: bilinear, in whole numbers."""

from __future__ import annotations

from pycaffelite.kernels._jit import Array, kernel

UNIT = 2048  # weights are in parts of this


@kernel()
def bilinear(source: Array, rows: Array, row_weights: Array, columns: Array, column_weights: Array, out: Array) -> None:
    """Write out[c, i, j] between source rows rows[i] and the next one, columns[j] and the next one.

    The weight of the next one is given, in parts of 2048; it must be 0 where there is none. The sums are cut to the
    bits that OpenCV keeps. Serial: it runs in the prefetch thread. Four reads an element.

    Args:
        source: (C, H, W) uint8, in.
        rows, row_weights: (h,) int64, in.
        columns, column_weights: (w,) int64, in.
        out: (C, h, w) uint8, out.
    """
    height, width = source.shape[1], source.shape[2]
    for c in range(out.shape[0]):
        for i in range(out.shape[1]):
            top, low = rows[i], row_weights[i]
            below = min(top + 1, height - 1)
            for j in range(out.shape[2]):
                left, right = columns[j], column_weights[j]
                beside = min(left + 1, width - 1)
                upper = int(source[c, top, left]) * (UNIT - right) + int(source[c, top, beside]) * right
                lower = int(source[c, below, left]) * (UNIT - right) + int(source[c, below, beside]) * right
                value = (((UNIT - low) * (upper >> 4)) >> 16) + ((low * (lower >> 4)) >> 16)
                out[c, i, j] = (value + 2) >> 2
