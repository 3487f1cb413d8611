from __future__ import annotations

import numpy as np

from pycaffelite.kernels.ink import UNIT, draw_strokes


def oracle(points, inner, outer, ink, size):
    middle = UNIT * np.arange(size) + UNIT // 2
    out = np.zeros((len(points), size, size), np.int64)
    for n, image in enumerate(out):
        for (px, py), full, reach in zip(points[n], inner[n], outer[n], strict=True):
            d2 = (middle[None, :] - px) ** 2 + (middle[:, None] - py) ** 2
            value = ink[n] * (reach**2 - d2) // (reach**2 - full**2)
            np.maximum(image, np.clip(value, 0, ink[n]), out=image)
    return out


def test_dots():
    random = np.random.default_rng(1)
    points = random.integers(-2 * UNIT, 10 * UNIT, (3, 5, 2))
    inner = random.integers(10, 100, (3, 5))
    outer = inner + random.integers(1, 90, (3, 5))
    ink = np.array([255, 100, 1])
    out = np.zeros((3, 8, 8), np.uint8)
    draw_strokes(points, inner, outer, ink, out)
    np.testing.assert_array_equal(out, oracle(points, inner, outer, ink, 8))
