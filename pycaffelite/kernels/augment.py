"""Resampling and recolouring of images of bytes: channels x height x width.

Serial: they run in the thread that prepares batches ahead.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pycaffelite.kernels._jit import Array, kernel

Bytes = npt.NDArray[np.uint8]
Numbers = npt.NDArray[np.int64]


@kernel(inner=True)
def _byte(value: float) -> int:
    """Round to the nearest byte, halves to even."""
    return int(min(255.0, max(0.0, np.rint(value))))


@kernel(inner=True)
def _distance(place: float) -> float:
    """Return how far a place on the circle of six colours is from where a channel is full: 0 to 1."""
    place -= 6 * np.floor(place / 6)
    return max(0.0, min(place, 4 - place, 1.0))


@kernel()
def resample(
    image: Bytes, rows: Numbers, row_weights: Array, columns: Numbers, column_weights: Array, line: Array, out: Bytes
) -> None:
    """Write out[c,y,x] = Σ_k Σ_l row_weights[y,k] column_weights[x,l] image[c, rows[y,k], columns[x,l]].

    Cost: K multiplications for each old pixel of a new row, and L for each new pixel.

    Args:
        image: (C, h, w), in.
        rows: (H, K), in: old rows.
        row_weights: (H, K), in: float32.
        columns: (W, L), in: old columns.
        column_weights: (W, L), in: float32.
        line: (w,), scratch: float32.
        out: (C, H, W), out.
    """
    for c in range(image.shape[0]):
        for y in range(rows.shape[0]):
            for x in range(line.size):
                line[x] = 0
            for k in range(rows.shape[1]):
                weight, row = row_weights[y, k], rows[y, k]
                if weight != 0:
                    for x in range(line.size):
                        line[x] += weight * image[c, row, x]
            for x in range(columns.shape[0]):
                total = 0.0
                for k in range(columns.shape[1]):
                    total += column_weights[x, k] * line[columns[x, k]]
                out[c, y, x] = _byte(total)


@kernel()
def shift_colors(image: Bytes, hue: float, saturation: float, out: Bytes) -> None:
    """Add to the hue and multiply the saturation of each pixel; both are bytes in between, the hue from 0 to 179.

    Args:
        image: (3, H, W), in: blue, green, red.
        hue: What is added, in steps of two degrees; sums below 0 become 0, and above 179 begin anew.
        saturation: The factor.
        out: (3, H, W), out.
    """
    for y in range(image.shape[1]):
        for x in range(image.shape[2]):
            blue, green, red = float(image[0, y, x]), float(image[1, y, x]), float(image[2, y, x])
            value = max(blue, green, red)
            spread = value - min(blue, green, red)
            angle = 0.0
            if spread > 0:
                if value == red:
                    angle = 30 * (green - blue) / spread
                elif value == green:
                    angle = 60 + 30 * (blue - red) / spread
                else:
                    angle = 120 + 30 * (red - green) / spread
            angle = np.rint(angle + 180 if angle < 0 else angle)
            full = np.rint(255 * spread / value) if value > 0 else 0.0
            sector = _byte(angle + hue) / 30
            part = _byte(full * saturation) / 255
            for c in range(3):
                out[c, y, x] = _byte(value * (1 - part * _distance(sector + 1 + 2 * c)))
