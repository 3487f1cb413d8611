"""Reading images at points that an affine map gives, between pixels by closeness, and the adjoint.

Arrays are flat: images u (N, C, H, W), v (N, C, H', W'), maps theta (N, 6). The output pixel (s, t) is read at
x = H / 2 (theta[0] a + theta[1] b + theta[2] + 1), y = W / 2 (theta[3] a + theta[4] b + theta[5] + 1), where
a = 2 s / H' - 1, b = 2 t / W' - 1; x counts rows. Beyond the image all is 0. Parallel over images, which share nothing.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from pycaffelite.kernels._jit import Array, kernel
from pycaffelite.kernels.tasks import run, task

Numbers = npt.NDArray[np.int64]
Shape = tuple[int, ...]

_IMAGES, _CHANNELS, _HEIGHT, _WIDTH, _ROWS, _COLUMNS, _WANTED = range(7)


def sample(u: Array, theta: Array, v: Array, shape: Shape, size: Shape) -> None:
    """Write v[n,c,s,t] = the sum over h, w of max(0, 1 - |x - h|) max(0, 1 - |y - w|) u[n,c,h,w].

    u, theta (in), v (out); shape is that of u, size the rows and columns of v.
    """
    run(_sample, shape[0], (u, theta, v), np.array((*shape, *size, 0), np.int64))


def sample_backward(
    u: Array, theta: Array, dv: Array, du: Array, dtheta: Array, shape: Shape, size: Shape, wanted: bool
) -> None:
    """Write dtheta and, if `wanted`, du; where a point lies on a pixel, the slope is that towards the next one."""
    run(_sample_backward, shape[0], (u, theta, dv, du, dtheta), np.array((*shape, *size, wanted), np.int64))


@kernel(inner=True)
def _point(theta: Array, n: int, s: int, t: int, g: Numbers) -> tuple[float, float, float, float]:
    """Return a, b, x and y."""
    a, b = 2.0 * s / g[_ROWS] - 1, 2.0 * t / g[_COLUMNS] - 1
    x = g[_HEIGHT] * 0.5 * (theta[6 * n] * a + theta[6 * n + 1] * b + theta[6 * n + 2] + 1)
    y = g[_WIDTH] * 0.5 * (theta[6 * n + 3] * a + theta[6 * n + 4] * b + theta[6 * n + 5] + 1)
    return a, b, x, y


@kernel(inner=True)
def _inside(x: float, y: float, g: Numbers) -> bool:
    """Return whether any of the four pixels around a point is in the image; not so for NaN."""
    return bool(-1 < x < g[_HEIGHT] and -1 < y < g[_WIDTH])


@kernel(inner=True)
def _pixel(u: Array, plane: int, h: int, w: int, g: Numbers) -> float:
    """Return a pixel, 0 beyond the image."""
    if 0 <= h < g[_HEIGHT] and 0 <= w < g[_WIDTH]:
        return float(u[(plane * g[_HEIGHT] + h) * g[_WIDTH] + w])
    return 0.0


@task("fffff")
def _sample(n: int, _thread: int, u: Array, theta: Array, v: Array, _d: Array, _e: Array, g: Numbers) -> None:
    for c in range(g[_CHANNELS]):
        plane = n * g[_CHANNELS] + c
        for s in range(g[_ROWS]):
            for t in range(g[_COLUMNS]):
                _, _, x, y = _point(theta, n, s, t, g)
                value = 0.0
                if _inside(x, y, g):
                    h, w = math.floor(x), math.floor(y)
                    p, q = x - h, y - w
                    upper = (1 - q) * _pixel(u, plane, h, w, g) + q * _pixel(u, plane, h, w + 1, g)
                    lower = (1 - q) * _pixel(u, plane, h + 1, w, g) + q * _pixel(u, plane, h + 1, w + 1, g)
                    value = (1 - p) * upper + p * lower
                v[(plane * g[_ROWS] + s) * g[_COLUMNS] + t] = value


@kernel(inner=True)
def _add(du: Array, plane: int, h: int, w: int, value: float, g: Numbers) -> None:
    """Add to a pixel that is in the image."""
    if 0 <= h < g[_HEIGHT] and 0 <= w < g[_WIDTH]:
        du[(plane * g[_HEIGHT] + h) * g[_WIDTH] + w] += value


@task("fffff")
def _sample_backward(
    n: int, _thread: int, u: Array, theta: Array, dv: Array, du: Array, dtheta: Array, g: Numbers
) -> None:
    image = g[_CHANNELS] * g[_HEIGHT] * g[_WIDTH]
    if g[_WANTED]:
        for i in range(n * image, (n + 1) * image):
            du[i] = 0
    along_a, along_b, along = 0.0, 0.0, 0.0  # of x, and the next three of y
    across_a, across_b, across = 0.0, 0.0, 0.0
    for c in range(g[_CHANNELS]):
        plane = n * g[_CHANNELS] + c
        for s in range(g[_ROWS]):
            for t in range(g[_COLUMNS]):
                a, b, x, y = _point(theta, n, s, t, g)
                if not _inside(x, y, g):
                    continue
                h, w = math.floor(x), math.floor(y)
                p, q = x - h, y - w
                d = float(dv[(plane * g[_ROWS] + s) * g[_COLUMNS] + t])
                first, second = _pixel(u, plane, h, w, g), _pixel(u, plane, h, w + 1, g)
                third, fourth = _pixel(u, plane, h + 1, w, g), _pixel(u, plane, h + 1, w + 1, g)
                dx = d * 0.5 * g[_HEIGHT] * ((1 - q) * (third - first) + q * (fourth - second))
                dy = d * 0.5 * g[_WIDTH] * ((1 - p) * (second - first) + p * (fourth - third))
                along_a, along_b, along = along_a + a * dx, along_b + b * dx, along + dx
                across_a, across_b, across = across_a + a * dy, across_b + b * dy, across + dy
                if g[_WANTED]:
                    _add(du, plane, h, w, d * (1 - p) * (1 - q), g)
                    _add(du, plane, h, w + 1, d * (1 - p) * q, g)
                    _add(du, plane, h + 1, w, d * p * (1 - q), g)
                    _add(du, plane, h + 1, w + 1, d * p * q, g)
    dtheta[6 * n], dtheta[6 * n + 1], dtheta[6 * n + 2] = along_a, along_b, along
    dtheta[6 * n + 3], dtheta[6 * n + 4], dtheta[6 * n + 5] = across_a, across_b, across
