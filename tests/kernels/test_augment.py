from __future__ import annotations

import colorsys

import numpy as np

from pycaffelite.kernels.augment import resample, shift_colors

RANDOM = np.random.default_rng(6)


def test_resampling_is_a_sum_over_rows_and_columns():
    image = RANDOM.integers(0, 256, (2, 4, 5)).astype(np.uint8)
    rows, columns = np.array([[0, 1], [2, 3], [3, 3]]), np.array([[0, 2, 4], [1, 1, 3]])
    row_weights, column_weights = (RANDOM.uniform(0, 0.7, each.shape).astype(np.float32) for each in (rows, columns))
    out = np.empty((2, 3, 2), np.uint8)
    resample(image, rows, row_weights, columns, column_weights, np.empty(5, np.float32), out)
    for c in range(2):
        for y in range(3):
            for x in range(2):
                total = sum(
                    float(row_weights[y, k]) * float(column_weights[x, m]) * image[c, rows[y, k], columns[x, m]]
                    for k in range(2)
                    for m in range(3)
                )
                assert abs(min(255, total) - out[c, y, x]) <= 0.501


def turned(pixel, hue, saturation):
    """The definition, by the standard library, with bytes in between."""
    blue, green, red = (value / 255 for value in pixel)
    angle, part, value = colorsys.rgb_to_hsv(red, green, blue)
    angle = np.clip(np.rint(np.rint(angle * 180) + hue), 0, 255)
    part = np.clip(np.rint(np.rint(part * 255) * saturation), 0, 255)
    red, green, blue = colorsys.hsv_to_rgb(angle % 180 / 180, part / 255, value)
    return np.array([blue, green, red]) * 255


def test_colors():
    pixels = [(0, 0, 0), (255, 255, 255), (9, 9, 9), (255, 0, 0), (0, 255, 0), (0, 0, 255), (0, 128, 255), (7, 3, 5)]
    pixels += [tuple(each) for each in RANDOM.integers(0, 256, (24, 3))]
    image = np.array(pixels, np.uint8).T.reshape(3, 4, 8).copy()
    for hue, saturation in ((0.0, 1.0), (18.0, 1.0), (-30.4, 1.0), (0.0, 1.4), (0.0, 0.3), (150.0, 0.0)):
        out = np.empty_like(image)
        shift_colors(image, hue, saturation, out)
        right = np.array([turned(pixel, hue, saturation) for pixel in pixels]).T.reshape(3, 4, 8)
        assert np.abs(out - right).max() <= 0.501
