from __future__ import annotations

import numpy as np
import pytest

from pycaffelite.kernels import pooling3d as kernels


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_against_numpy(dtype):
    lengths, sizes, kernel, stride, pad = (3, 5, 4), (2, 3, 3), (2, 3, 2), (1, 2, 2), (0, 1, 1)
    g = np.array([*lengths, *sizes, *kernel, *stride, *pad], np.int64)
    random = np.random.default_rng(1)
    x, dy = random.integers(-3, 3, (2, *lengths)).astype(dtype), random.standard_normal((2, *sizes)).astype(dtype)
    x[0, 0, 0, 0] = np.nan
    most, dmost, mean, dmean = np.zeros(dy.shape), np.zeros(x.shape), np.zeros(dy.shape), np.zeros(x.shape)
    numbers = np.arange(x[0].size).reshape(lengths)
    for v, *at in np.ndindex(*dy.shape):
        begin = [o * s - p for o, s, p in zip(at, stride, pad, strict=True)]
        inside = tuple(np.s_[max(0, b) : b + k] for b, k in zip(begin, kernel, strict=True))
        divisor = np.prod([min(b + k, n + p) - b for b, k, n, p in zip(begin, kernel, lengths, pad, strict=True)])
        seen = np.fmax(x[v][inside], -np.inf)
        most[(v, *at)] = seen.max()
        dmost[v].reshape(-1)[numbers[inside].reshape(-1)[seen.argmax()]] += dy[(v, *at)]
        mean[(v, *at)] = np.nan_to_num(x[v][inside]).sum() / divisor
        dmean[v][inside] += dy[(v, *at)] / divisor
    y, places, dx = np.full_like(dy, 9), np.zeros_like(dy), np.full_like(x, 9)
    kernels.max_forward(x.reshape(-1), y.reshape(-1), places.reshape(-1), g)
    np.testing.assert_array_equal(y, most)
    kernels.max_backward(dy.reshape(-1), places.reshape(-1), dx.reshape(-1), g)
    np.testing.assert_allclose(dx, dmost, rtol=0, atol=1e-6)
    kernels.average_forward(np.nan_to_num(x).reshape(-1), y.reshape(-1), g)
    np.testing.assert_allclose(y, mean, rtol=0, atol=1e-6)
    kernels.average_backward(dy.reshape(-1), dx.reshape(-1), g)
    np.testing.assert_allclose(dx, dmean, rtol=0, atol=1e-6)
