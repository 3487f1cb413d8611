"""Division by Euclidean lengths, and a factor for each channel behind it.

Arrays of data are (N, C, P): images, channels, places. A *cell* is what one length belongs to: a whole image, or one
place of it. Work is cut into pieces of images, by places alone and where each place is a cell, so no sum crosses a
piece; loops run along places. Bound by memory. Sums over channels are in the float type where places are cells, as they
are short; over images in double.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pycaffelite.kernels._jit import Array, kernel
from pycaffelite.kernels.tasks import Task, run, task

Numbers = npt.NDArray[np.int64]

_CHANNELS, _PLACES, _PIECES = 0, 1, 2
_WORTH = 1 << 14  # elements of a task


def forward(x: Array, scale: Array, eps: float, lengths: Array, y: Array) -> None:
    """Write lengths[n] = sqrt(Σ_{c,p} x² + eps), or lengths[n,p] = sqrt(Σ_c x² + eps), and y = scale[c] x / lengths.

    Args:
        x: (N, C, P), in.
        scale: (C,), in.
        eps: Added under the root.
        lengths: (N, 1) or (N, P), out.
        y: (N, C, P), out.
    """
    work = _forward_places if lengths.shape[1] == x.shape[2] else _forward_images
    numbers = np.concatenate((scale, np.array([eps], x.dtype)))
    _run(work, x.shape, lengths, (x, numbers, lengths, y))


def backward(x: Array, scale: Array, lengths: Array, dy: Array, dx: Array) -> None:
    """Write dx = (g - x (Σ g x) / lengths²) / lengths, where g = scale[c] dy and the sum is over the cell.

    Args:
        x: (N, C, P), in.
        scale: (C,), in.
        lengths: (N, 1) or (N, P), in.
        dy: (N, C, P), in.
        dx: (N, C, P), out.
    """
    work = _backward_places if lengths.shape[1] == x.shape[2] else _backward_images
    _run(work, x.shape, lengths, (x, scale, lengths, dy, dx))


def add_scale_gradient(x: Array, lengths: Array, dy: Array, dscale: Array) -> None:
    """Add Σ_{n,p} dy x / lengths to dscale[c]; sums in double, parallel over channels.

    Args:
        x: (N, C, P), in.
        lengths: (N, 1) or (N, P), in.
        dy: (N, C, P), in.
        dscale: (C,), in and out.
    """
    g = np.array((*x.shape, lengths.shape[1]), np.int64)
    arrays = (x.reshape(-1), lengths.reshape(-1), dy.reshape(-1), dscale)
    run(_add_scale_gradient, x.shape[1], arrays, g)


def _run(work: Task, shape: tuple[int, ...], lengths: Array, arrays: tuple[Array, ...]) -> None:
    """Run a task for each image, or for each piece of an image where places are cells."""
    images, channels, places = shape
    pieces = 1
    if lengths.shape[1] == places:
        pieces = max(1, min(places // 64, channels * places // _WORTH))
    g = np.array((channels, places, pieces), np.int64)
    run(work, images * pieces, tuple(array.reshape(-1) for array in arrays), g)


@kernel(inner=True)
def _piece(number: int, g: Numbers) -> tuple[int, int, int]:
    """Return the image of a task, and the places that it works on."""
    piece = number % g[_PIECES]
    return number // g[_PIECES], g[_PLACES] * piece // g[_PIECES], g[_PLACES] * (piece + 1) // g[_PIECES]


@task("fffff")
def _forward_places(
    number: int, _thread: int, x: Array, numbers: Array, lengths: Array, y: Array, _e: Array, g: Numbers
) -> None:
    channels, places = g[_CHANNELS], g[_PLACES]
    n, first, last = _piece(number, g)
    for p in range(first, last):
        lengths[n * places + p] = numbers[channels]
    for c in range(channels):
        row = (n * channels + c) * places
        for p in range(first, last):
            lengths[n * places + p] += x[row + p] * x[row + p]
    for p in range(first, last):
        lengths[n * places + p] = np.sqrt(lengths[n * places + p])
    for c in range(channels):
        row = (n * channels + c) * places
        factor = numbers[c]
        for p in range(first, last):
            y[row + p] = x[row + p] / lengths[n * places + p] * factor


@task("fffff")
def _forward_images(
    n: int, _thread: int, x: Array, numbers: Array, lengths: Array, y: Array, _e: Array, g: Numbers
) -> None:
    channels, places = g[_CHANNELS], g[_PLACES]
    total = float(numbers[channels])
    for i in range(n * channels * places, (n + 1) * channels * places):
        total += x[i] * x[i]
    lengths[n] = np.sqrt(total)
    for c in range(channels):
        row = (n * channels + c) * places
        factor = numbers[c] / lengths[n]
        for p in range(places):
            y[row + p] = x[row + p] * factor


@task("fffff")
def _backward_places(
    number: int, _thread: int, x: Array, scale: Array, lengths: Array, dy: Array, dx: Array, g: Numbers
) -> None:
    channels, places = g[_CHANNELS], g[_PLACES]
    n, first, last = _piece(number, g)
    if channels == 0:
        return
    # The sums are kept in the first channel of dx until it is written, last of all.
    home = n * channels * places
    for p in range(first, last):
        dx[home + p] = 0
    for c in range(channels):
        row = (n * channels + c) * places
        factor = scale[c]
        for p in range(first, last):
            dx[home + p] += factor * dy[row + p] * x[row + p]
    for p in range(first, last):
        dx[home + p] /= lengths[n * places + p] * lengths[n * places + p]
    for c in range(channels - 1, -1, -1):
        row = (n * channels + c) * places
        factor = scale[c]
        for p in range(first, last):
            dx[row + p] = (factor * dy[row + p] - x[row + p] * dx[home + p]) / lengths[n * places + p]


@task("fffff")
def _backward_images(
    n: int, _thread: int, x: Array, scale: Array, lengths: Array, dy: Array, dx: Array, g: Numbers
) -> None:
    channels, places = g[_CHANNELS], g[_PLACES]
    total = 0.0
    for c in range(channels):
        part = 0.0
        for i in range((n * channels + c) * places, (n * channels + c + 1) * places):
            part += dy[i] * x[i]
        total += part * scale[c]
    if channels * places == 0:
        return
    home = n * channels * places
    dx[home] = total / lengths[n] / lengths[n]  # rounds it to the float type
    share = dx[home]
    for c in range(channels):
        factor = scale[c]
        for i in range((n * channels + c) * places, (n * channels + c + 1) * places):
            dx[i] = (factor * dy[i] - x[i] * share) / lengths[n]


@task("fffff")
def _add_scale_gradient(
    c: int, _thread: int, x: Array, lengths: Array, dy: Array, dscale: Array, _e: Array, g: Numbers
) -> None:
    images, channels, places, cells = g[0], g[1], g[2], g[3]
    total = 0.0
    for n in range(images):
        row = (n * channels + c) * places
        part = 0.0
        if cells == places:
            for p in range(places):
                part += dy[row + p] * x[row + p] / lengths[n * places + p]
        else:
            for p in range(places):
                part += dy[row + p] * x[row + p]
            part /= lengths[n]
        total += part
    dscale[c] += total
