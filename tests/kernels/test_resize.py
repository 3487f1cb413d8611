from __future__ import annotations

import numpy as np
import pytest

from pycaffelite.kernels import resize


@pytest.mark.parametrize("shape", [(2, 3, 4), (1, 1, 1)])
def test_bilinear(shape):
    source = np.random.default_rng(1).integers(0, 256, shape).astype(np.uint8)
    height, width = shape[1:]
    rows, columns = np.array([0, 0, height - 1]), np.array([width - 1, 0])
    inside = height > 1
    low, right = np.array([0, 700 * inside, 0]), np.array([0, 1024 * inside])
    out = np.zeros((shape[0], 3, 2), np.uint8)
    resize.bilinear(source, rows, low, columns, right, out)
    lines = source.astype(float)
    lines = [(1 - r / 2048) * lines[:, :, c] + r / 2048 * lines[:, :, min(c + 1, width - 1)]
             for c, r in zip(columns, right, strict=True)]  # fmt: skip
    for j, line in enumerate(lines):
        for i, (row, weight) in enumerate(zip(rows, low / 2048, strict=True)):
            truth = (1 - weight) * line[:, row] + weight * line[:, min(row + 1, height - 1)]
            assert np.abs(out[:, i, j] - truth).max() <= 1
