"""Patches of one image as a matrix, for any number of spatial axes: the general and slower way to a convolution.

    columns[(c, k...), (o...)] = x[c, o... * stride + k... * dilation - pad], 0 outside

`g` is an int64 matrix with a row for each spatial axis: length, outputs, kernel, stride, pad, dilation. Arrays are
flat. Parallel over rows (gather) or over channels (scatter), which share nothing.
"""

from __future__ import annotations

from pycaffelite.kernels._jit import kernel, prange

LENGTH, OUTPUTS, KERNEL, STRIDE, PAD, DILATION = range(6)


@kernel()
def _place(g, position, output):  # type: ignore[no-untyped-def]
    """Return where in its channel a kernel position reads for an output, -1 outside; both are row-major numbers."""
    place, step = 0, 1
    for axis in range(g.shape[0] - 1, -1, -1):
        k, o = position % g[axis, KERNEL], output % g[axis, OUTPUTS]
        i = o * g[axis, STRIDE] + k * g[axis, DILATION] - g[axis, PAD]
        if i < 0 or i >= g[axis, LENGTH]:
            return -1
        place += i * step
        step *= g[axis, LENGTH]
        position //= g[axis, KERNEL]
        output //= g[axis, OUTPUTS]
    return place


@kernel()
def _sizes(g):  # type: ignore[no-untyped-def]
    """Return the numbers of places, kernel positions and outputs of a channel."""
    places, area, outputs = 1, 1, 1
    for axis in range(g.shape[0]):
        places *= g[axis, LENGTH]
        area *= g[axis, KERNEL]
        outputs *= g[axis, OUTPUTS]
    return places, area, outputs


@kernel(parallel=True)
def im2col(x, columns, channels, g):  # type: ignore[no-untyped-def]
    """Write the patches of an image."""
    places, area, outputs = _sizes(g)
    for row in prange(channels * area):
        for output in range(outputs):
            place = _place(g, row % area, output)
            columns[row * outputs + output] = x[row // area * places + place] if place >= 0 else 0


@kernel(parallel=True)
def col2im(columns, dx, channels, g):  # type: ignore[no-untyped-def]
    """Overwrite dx with the sums of the patches at their places."""
    places, area, outputs = _sizes(g)
    for c in prange(channels):
        for i in range(c * places, (c + 1) * places):
            dx[i] = 0
        for position in range(area):
            for output in range(outputs):
                place = _place(g, position, output)
                if place >= 0:
                    dx[c * places + place] += columns[(c * area + position) * outputs + output]
