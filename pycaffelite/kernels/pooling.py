"""Pooling over windows of planes.

Index letters: plane (image and channel), (oh, ow) output, (kh, kw) place in a window. Arrays are flat; `g` is
(planes, height, width, output height, output width, kernel h, w, stride h, w, pad h, w) as int64. All kernels are
parallel over planes, which share nothing.
"""

from __future__ import annotations

from pycaffelite.kernels._jit import kernel, prange


@kernel(parallel=True)
def max_forward(x, y, argmax, g):  # type: ignore[no-untyped-def]
    """Write the maximum of each window and its place in the plane, the first in row-major order where it is tied."""
    for plane in prange(g[0]):
        if g[5] == 2 and g[6] == 2 and g[7] == 2 and g[8] == 2 and 2 * g[3] == g[1] and 2 * g[4] == g[2]:
            _max_of_quads(x, y, argmax, plane, g[3], g[4])
        else:
            _max_of_windows(x, y, argmax, plane, g)


@kernel()
def _max_of_quads(x, y, argmax, plane, rows, columns):  # type: ignore[no-untyped-def]
    """Pool 2 x 2 without overlap or border: no branches, so that it vectorises."""
    width = 2 * columns
    for oh in range(rows):
        source = (plane * rows + oh) * 2 * width
        target = (plane * rows + oh) * columns
        for ow in range(columns):
            a, b = x[source + 2 * ow], x[source + 2 * ow + 1]
            c, d = x[source + width + 2 * ow], x[source + width + 2 * ow + 1]
            upper, lower = (b if b > a else a), (d if d > c else c)
            place = 2 * oh * width + 2 * ow
            at = place + (b > a)
            below = place + width + (d > c)
            y[target + ow] = lower if lower > upper else upper
            argmax[target + ow] = below if lower > upper else at


@kernel()
def _max_of_windows(x, y, argmax, plane, g):  # type: ignore[no-untyped-def]
    """Pool windows of any kind; padding never wins."""
    base = plane * g[1] * g[2]
    for oh in range(g[3]):
        h0 = max(0, oh * g[7] - g[9])
        h1 = min(g[1], oh * g[7] - g[9] + g[5])
        for ow in range(g[4]):
            w0 = max(0, ow * g[8] - g[10])
            w1 = min(g[2], ow * g[8] - g[10] + g[6])
            place = h0 * g[2] + w0
            most = x[base + place]
            for h in range(h0, h1):
                for w in range(w0, w1):
                    value = x[base + h * g[2] + w]
                    if value > most:
                        most = value
                        place = h * g[2] + w
            target = (plane * g[3] + oh) * g[4] + ow
            y[target] = most
            argmax[target] = place


@kernel(parallel=True)
def max_backward(dy, argmax, dx, g):  # type: ignore[no-untyped-def]
    """Overwrite dx: each output's gradient goes to the place it came from. Also for any other choice of one place."""
    outputs, area = g[3] * g[4], g[1] * g[2]
    for plane in prange(g[0]):
        for i in range(plane * area, (plane + 1) * area):
            dx[i] = 0
        for i in range(plane * outputs, (plane + 1) * outputs):
            dx[plane * area + argmax[i]] += dy[i]


@kernel(parallel=True)
def copy_places(argmax, mask):  # type: ignore[no-untyped-def]
    """Write places as floats, the form in which Caffe shows them."""
    for i in prange(mask.size):
        mask[i] = argmax[i]


@kernel()
def _divisor(oh, ow, g):  # type: ignore[no-untyped-def]
    """Return how many places a window counts: padding included, but not beyond it."""
    h, w = oh * g[7] - g[9], ow * g[8] - g[10]
    return (min(h + g[5], g[1] + g[9]) - h) * (min(w + g[6], g[2] + g[10]) - w)


@kernel(parallel=True)
def average_forward(x, y, g):  # type: ignore[no-untyped-def]
    """Write the mean of each window, with zeros for padding."""
    for plane in prange(g[0]):
        base = plane * g[1] * g[2]
        for oh in range(g[3]):
            h0, h1 = max(0, oh * g[7] - g[9]), min(g[1], oh * g[7] - g[9] + g[5])
            for ow in range(g[4]):
                w0, w1 = max(0, ow * g[8] - g[10]), min(g[2], ow * g[8] - g[10] + g[6])
                total = x.dtype.type(0)
                for h in range(h0, h1):
                    for w in range(w0, w1):
                        total += x[base + h * g[2] + w]
                y[(plane * g[3] + oh) * g[4] + ow] = total / x.dtype.type(_divisor(oh, ow, g))


@kernel(parallel=True)
def average_backward(dy, dx, g):  # type: ignore[no-untyped-def]
    """Overwrite dx: each output's gradient is shared among its window."""
    for plane in prange(g[0]):
        base = plane * g[1] * g[2]
        for i in range(base, base + g[1] * g[2]):
            dx[i] = 0
        for oh in range(g[3]):
            h0, h1 = max(0, oh * g[7] - g[9]), min(g[1], oh * g[7] - g[9] + g[5])
            for ow in range(g[4]):
                w0, w1 = max(0, ow * g[8] - g[10]), min(g[2], ow * g[8] - g[10] + g[6])
                share = dy[(plane * g[3] + oh) * g[4] + ow] / dx.dtype.type(_divisor(oh, ow, g))
                for h in range(h0, h1):
                    for w in range(w0, w1):
                        dx[base + h * g[2] + w] += share
