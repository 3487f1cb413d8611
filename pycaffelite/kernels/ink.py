"""Draws pen strokes into small grey images, in whole numbers only: the same bytes on every machine."""

from __future__ import annotations

from pycaffelite.kernels._jit import Array, kernel

UNIT = 64  # steps of a coordinate in one pixel


@kernel()
def draw_strokes(points: Array, inner: Array, outer: Array, ink: Array, out: Array) -> None:
    """Draw each image as the darkest of round dots, one at each point.

    out[n, y, x] = max over p of ink[n] * (outer² - d²) / (outer² - inner²), cut to 0 .. ink[n], where d is the distance
    from the middle of the pixel to point p. Serial: about 40 pixels are looked at for each point.

    Args:
        points: (N, P, 2) int64, in: x and y of the points in 1/64 pixel; outside of the image they draw nothing.
        inner: (N, P) int64, in: the radius of full ink, in 1/64 pixel.
        outer: (N, P) int64, in: the radius where the ink ends, greater than `inner`.
        ink: (N,) int64, in: the grey value of full ink.
        out: (N, H, W) uint8, in and out: zeros before.
    """
    N, P, _ = points.shape
    H, W = out.shape[1], out.shape[2]
    for n in range(N):
        for p in range(P):
            px, py = points[n, p, 0], points[n, p, 1]
            reach = outer[n, p]
            reach2 = reach * reach
            depth = reach2 - inner[n, p] * inner[n, p]
            # The first and last pixels whose middle, at UNIT * i + UNIT / 2, may lie within reach.
            for y in range(max(0, (py - reach) // UNIT), min(H, (py + reach) // UNIT + 1)):
                dy = UNIT * y + UNIT // 2 - py
                for x in range(max(0, (px - reach) // UNIT), min(W, (px + reach) // UNIT + 1)):
                    dx = UNIT * x + UNIT // 2 - px
                    inside = reach2 - dx * dx - dy * dy
                    if inside > 0:
                        value = min(ink[n], ink[n] * inside // depth)
                        out[n, y, x] = max(out[n, y, x], value)
