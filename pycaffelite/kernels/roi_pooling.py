"""Maxima and means of bins laid over regions of interest.

x is (N, C, H, W), the top (R, K, P, Q): R regions, P x Q bins. `bins` holds for each region its image, then the first
row and the row behind the last of each of the P rows of bins, then the same of the Q columns, as 1 + 2P + 2Q integers.
Bins must lie within x; a bin may be empty. Maxima are found with channels last, so that loops run over channels:
(N, H, W, C), (R, P, Q, C); `places` holds where in its plane of x each maximum was found, or -1, as integers in the
bits of floats, (R, P, Q, C).

Parallel over regions forward, over channels backward: there a channel's regions are one task's, in order, so that sums
do not depend on the number of threads.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pycaffelite.kernels._jit import Array, kernel
from pycaffelite.kernels.tasks import run, task

Numbers = npt.NDArray[np.int64]

# Where g says how long the axes are; the bins follow.
_REGIONS, _CHANNELS, _IMAGES, _HEIGHT, _WIDTH, _ROWS, _COLUMNS, _DEPTH, _PARTS, _BINS = range(10)


def max_forward(x: Array, bins: Numbers, y: Array, places: Array) -> None:
    """Write y[r,p,q,c] = max of x[n,h,w,c] over the bin, n the image of r, or 0 for an empty bin; of equals the first.

    NaN counts as larger than all, so that it is seen.
    """
    regions, rows, columns, channels = y.shape
    lengths = (regions, channels, *x.shape[:3], rows, columns, channels, 1)
    g = np.concatenate((np.array(lengths, np.int64), bins.reshape(-1)))
    run(_max_forward, regions, (x.reshape(-1), y.reshape(-1), places.reshape(-1)), g)


def max_backward(dy: Array, bins: Numbers, places: Array, dx: Array) -> None:
    """Write dx: each dy goes to the place of its maximum, all others get 0."""
    parts = max(1, min(32, dx.shape[1] // 16))
    g = _numbers(dx, dy, bins, parts)
    run(_max_backward, parts, (dy.reshape(-1), dx.reshape(-1), places.reshape(-1)), g)


def mean_forward(x: Array, bins: Numbers, y: Array) -> None:
    """Write y[r,k,p,q] = mean of x[n,(kP + p)Q + q] over the bin, or 0 for an empty bin."""
    run(_mean_forward, y.shape[0], (x.reshape(-1), y.reshape(-1)), _numbers(x, y, bins, 1))


def mean_backward(dy: Array, bins: Numbers, dx: Array) -> None:
    """Write dx: each place of a bin gets dy / places of the bin."""
    g = _numbers(dx, dy, bins, dx.shape[1])
    run(_mean_backward, dx.shape[1], (dy.reshape(-1), dx.reshape(-1)), g)


def _numbers(x: Array, y: Array, bins: Numbers, parts: int) -> Numbers:
    images, channels, height, width = x.shape
    regions, depth, rows, columns = y.shape
    lengths = (regions, channels, images, height, width, rows, columns, depth, parts)
    return np.concatenate((np.array(lengths, np.int64), bins.reshape(-1)))


@kernel(inner=True)
def _bins_of(region: int, g: Numbers) -> int:
    """Return where in g the bins of a region begin."""
    at: int = _BINS + region * (1 + 2 * g[_ROWS] + 2 * g[_COLUMNS])
    return at


@task("ffiff")
def _max_forward(
    region: int, _thread: int, x: Array, y: Array, places: Array, _d: Array, _e: Array, g: Numbers
) -> None:
    channels, rows, columns, width = g[_CHANNELS], g[_ROWS], g[_COLUMNS], g[_WIDTH]
    at = _bins_of(region, g)
    for p in range(rows):
        for q in range(columns):
            target = ((region * rows + p) * columns + q) * channels
            left, right = g[at + 1 + 2 * (rows + q)], g[at + 2 + 2 * (rows + q)]
            first = True
            for h in range(g[at + 1 + 2 * p], g[at + 2 + 2 * p]):
                for place in range(h * width + left, h * width + right):
                    source = (g[at] * g[_HEIGHT] * width + place) * channels
                    for c in range(channels):
                        value = x[source + c]
                        larger = first or value > y[target + c] or value != value  # noqa: PLR0124
                        y[target + c] = value if larger else y[target + c]
                        places[target + c] = place if larger else places[target + c]
                    first = False
            if first:
                for c in range(channels):
                    y[target + c] = 0
                    places[target + c] = -1


@task("ffiff")
def _max_backward(
    part: int, _thread: int, dy: Array, dx: Array, places: Array, _d: Array, _e: Array, g: Numbers
) -> None:
    channels, count, plane = g[_CHANNELS], g[_ROWS] * g[_COLUMNS], g[_HEIGHT] * g[_WIDTH]
    begin, end = channels * part // g[_PARTS], channels * (part + 1) // g[_PARTS]
    for n in range(g[_IMAGES]):
        for i in range((n * channels + begin) * plane, (n * channels + end) * plane):
            dx[i] = 0
    for region in range(g[_REGIONS]):
        target = g[_bins_of(region, g)] * channels
        for i in range(count):
            for c in range(begin, end):
                place = places[(region * count + i) * channels + c]
                if place >= 0:
                    dx[(target + c) * plane + place] += dy[(region * channels + c) * count + i]


@task("fffff")
def _mean_forward(region: int, _thread: int, x: Array, y: Array, _c: Array, _d: Array, _e: Array, g: Numbers) -> None:
    rows, columns, width = g[_ROWS], g[_COLUMNS], g[_WIDTH]
    at = _bins_of(region, g)
    for k in range(g[_DEPTH]):
        for p in range(rows):
            for q in range(columns):
                c = (k * rows + p) * columns + q
                source = (g[at] * g[_CHANNELS] + c) * g[_HEIGHT] * width
                total, count = 0.0, 0
                for h in range(g[at + 1 + 2 * p], g[at + 2 + 2 * p]):
                    for w in range(g[at + 1 + 2 * (rows + q)], g[at + 2 + 2 * (rows + q)]):
                        total += x[source + h * width + w]
                        count += 1
                y[region * g[_DEPTH] * rows * columns + c] = total / count if count else 0.0


@task("fffff")
def _mean_backward(c: int, _thread: int, dy: Array, dx: Array, _c: Array, _d: Array, _e: Array, g: Numbers) -> None:
    channels, rows, columns, width = g[_CHANNELS], g[_ROWS], g[_COLUMNS], g[_WIDTH]
    plane = g[_HEIGHT] * width
    p, q = c // columns % rows, c % columns
    for n in range(g[_IMAGES]):
        for i in range((n * channels + c) * plane, (n * channels + c + 1) * plane):
            dx[i] = 0
    for region in range(g[_REGIONS]):
        at = _bins_of(region, g)
        target = (g[at] * channels + c) * plane
        top, bottom = g[at + 1 + 2 * p], g[at + 2 + 2 * p]
        left, right = g[at + 1 + 2 * (rows + q)], g[at + 2 + 2 * (rows + q)]
        if bottom > top and right > left:
            share = dy[region * g[_DEPTH] * rows * columns + c] / ((bottom - top) * (right - left))
            for h in range(top, bottom):
                for w in range(left, right):
                    dx[target + h * width + w] += share
