from __future__ import annotations

import itertools

import numpy as np
import pytest

from pycaffelite.kernels import im2col as kernels

# length, kernel, stride, pad, dilation of each axis
AXES = {
    "line": [(7, 3, 2, 1, 1)],
    "plane": [(4, 2, 1, 0, 2), (5, 3, 2, 2, 1)],
    "volume": [(3, 2, 1, 1, 1), (2, 2, 2, 1, 1), (4, 3, 1, 1, 1)],
    "mostly_padding": [(1, 2, 3, 4, 1), (2, 2, 1, 3, 3)],
    "no_dilation": [(3, 2, 1, 0, 0), (4, 3, 2, 1, 0)],
}


def places(axes):
    """Yield kernel position, output, and the place that it reads."""
    sizes = [(n + 2 * p - d * (k - 1) - 1) // s + 1 for n, k, s, p, d in axes]
    for row, at in enumerate(itertools.product(*(range(axis[1]) for axis in axes))):
        for column, out in enumerate(itertools.product(*map(range, sizes))):
            place = [o * s + i * d - p for o, i, (_, _, s, p, d) in zip(out, at, axes, strict=True)]
            inside = all(0 <= i < axis[0] for i, axis in zip(place, axes, strict=True))
            yield row, column, tuple(place) if inside else None


@pytest.mark.parametrize("name", AXES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_patches_and_back(name, dtype):
    axes = AXES[name]
    sizes = [(n + 2 * p - d * (k - 1) - 1) // s + 1 for n, k, s, p, d in axes]
    lengths = [axis[0] for axis in axes]
    numbers = np.array([(n, size, *rest) for (n, *rest), size in zip(axes, sizes, strict=True)], np.int64)
    random = np.random.default_rng(2)
    x = random.standard_normal((2, *lengths)).astype(dtype)
    area, outputs = int(np.prod([axis[1] for axis in axes])), int(np.prod(sizes))
    columns, truth = np.full((2, area, outputs), 9, dtype), np.zeros((2, area, outputs), dtype)
    back, expected = np.full_like(x, 9), np.zeros_like(x)
    dy = random.standard_normal(columns.shape).astype(dtype)
    for row, column, place in places(axes):
        if place is not None:
            truth[:, row, column] = x[(slice(None), *place)]
            expected[(slice(None), *place)] += dy[:, row, column]
    kernels.im2col(x.reshape(-1), columns.reshape(-1), 2, numbers)
    np.testing.assert_array_equal(columns, truth)
    kernels.col2im(dy.reshape(-1), back.reshape(-1), 2, numbers)
    np.testing.assert_allclose(back, expected, rtol=0, atol=1e-5)
