from __future__ import annotations

import numpy as np
import pytest

from pycaffelite.kernels import normalize

RANDOM = np.random.default_rng(4)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("across", [False, True])
@pytest.mark.parametrize("shape", [(2, 3, 5), (1, 20, 150), (3, 4, 1)])
def test_lengths_values_and_gradients(shape, across, dtype):
    x, dy = (RANDOM.standard_normal(shape).astype(dtype) for _ in range(2))
    scale = RANDOM.standard_normal(shape[1]).astype(dtype)
    lengths = np.empty((shape[0], 1 if across else shape[2]), dtype)
    y, dx, dscale = np.empty_like(x), np.empty_like(x), np.full(shape[1], 2, dtype)
    normalize.forward(x, scale, 0.25, lengths, y)
    normalize.backward(x, scale, lengths, dy, dx)
    normalize.add_scale_gradient(x, lengths, dy, dscale)

    wide, axes = x.astype(np.float64), (1, 2) if across else (1,)
    length = np.sqrt((wide**2).sum(axes, keepdims=True) + 0.25)
    g = scale[:, None] * dy.astype(np.float64)
    tolerance = {"rtol": 1e-12, "atol": 1e-12} if dtype is np.float64 else {"rtol": 1e-4, "atol": 1e-5}
    np.testing.assert_allclose(lengths, length.reshape(lengths.shape), **tolerance)
    np.testing.assert_allclose(y, scale[:, None] * wide / length, **tolerance)
    np.testing.assert_allclose(dscale, 2 + (dy * wide / length).sum((0, 2)), **tolerance)
    right = g / length - wide * (g * wide).sum(axes, keepdims=True) / length**3
    np.testing.assert_allclose(dx, right, **tolerance)
