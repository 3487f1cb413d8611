"""Crops, mirrors, centres and scales images as they become a batch."""

from __future__ import annotations

from pycaffelite.kernels._jit import Array, kernel


@kernel()
def transform(
    source: Array,
    rows: Array,
    columns: Array,
    flips: Array,
    mean: Array,
    scale: Array,
    out: Array,
) -> None:
    """Write out[n, c, h, w] = (source[n, c, rows[n] + h, columns[n] + w] - mean[c, ...]) * scale, or its mirror image.

    The mean is taken where the source pixel is, before mirroring. Serial, as it may run in a prefetch thread, beside
    the parallel kernels of the net. One read and one write per element of `out`, and another of each where it is
    mirrored: the arithmetic goes from left to right, in vectors.

    Args:
        source: (N, C, H, W) uint8 or float32, in.
        rows: (N,) int64, in: the first row of each crop.
        columns: (N,) int64, in: the first column.
        flips: (N,) bool, in: whether the result is mirrored left to right.
        mean: (C, H, W), or (C, 1, 1) for one value per channel; float32, in.
        scale: (1,) of out's type, in: so that float32 nets compute in float32 as Caffe does.
        out: (N, C, h, w) float32 or float64, out.
    """
    N, C, h, w = out.shape
    factor = scale[0]
    planes = mean.shape[1] > 1 or mean.shape[2] > 1
    if source.shape == out.shape and not flips.any():
        # Pixels stay where they are: one long line is quicker than short ones.
        h, w = 1, h * w
        source, out = source.reshape(N, C, h, w), out.reshape(N, C, h, w)
        if planes:
            mean = mean.reshape(C, h, w)
    for n in range(N):
        top, left = rows[n], columns[n]
        for c in range(C):
            for i in range(h):
                # Lines, as an index that a sum gives may be negative for all the compiler knows: no vectors then.
                line, row = source[n, c, top + i, left : left + w], out[n, c, i]
                if planes:
                    centres = mean[c, top + i, left : left + w]
                    for j in range(w):
                        row[j] = (out.dtype.type(line[j]) - out.dtype.type(centres[j])) * factor
                else:
                    centre = out.dtype.type(mean[c, 0, 0])
                    for j in range(w):
                        row[j] = (out.dtype.type(line[j]) - centre) * factor
                if flips[n]:
                    for j in range(w // 2):
                        row[j], row[w - 1 - j] = row[w - 1 - j], row[j]
