from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from pycaffelite.kernels import pooling, stochastic_pooling


def geometry(height, width, outputs, kernel, stride, pad=(0, 0)):
    return np.array([height, width, *outputs, *kernel, *stride, *pad], np.int64)


def windows(g):
    """Yield (oh, ow, slice within the plane, divisor of the mean)."""
    height, width, out_h, out_w, kh, kw, sh, sw, ph, pw = (int(number) for number in g)
    for oh in range(out_h):
        for ow in range(out_w):
            h, w = oh * sh - ph, ow * sw - pw
            inside = np.s_[max(0, h) : min(height, h + kh), max(0, w) : min(width, w + kw)]
            yield oh, ow, inside, (min(h + kh, height + ph) - h) * (min(w + kw, width + pw) - w)


def naive(x, dy, g):
    """Return maxima, their places, means, and the gradients of maxima and of means."""
    most, mean = np.zeros(dy.shape), np.zeros(dy.shape)
    places = np.zeros(dy.shape, int)
    max_dx, mean_dx = np.zeros(x.shape), np.zeros(x.shape)
    numbers = np.arange(x[0].size).reshape(x[0].shape)
    for plane in range(len(x)):
        for oh, ow, inside, divisor in windows(g):
            first = x[plane][inside].argmax()
            place = numbers[inside].reshape(-1)[first]
            most[plane, oh, ow], places[plane, oh, ow] = x[plane].reshape(-1)[place], place
            mean[plane, oh, ow] = x[plane][inside].sum() / divisor
            max_dx[plane].reshape(-1)[place] += dy[plane, oh, ow]
            mean_dx[plane][inside] += dy[plane, oh, ow] / divisor
    return most, places, mean, max_dx, mean_dx


def aligned_nan(shape, dtype):
    """Return an array of NaN that begins with a cache line."""
    count = int(np.prod(shape))
    raw = np.full(count + 64, np.nan, dtype)
    start = -raw.ctypes.data % 64 // raw.itemsize
    return raw[start : start + count].reshape(shape)


def check(g, planes=3, dtype=np.float64, tolerance=1e-13, aligned=False):
    rng = np.random.default_rng(2)
    x = rng.integers(-4, 4, (planes, g[0], g[1])).astype(dtype)  # with many ties
    dy = rng.standard_normal((planes, g[2], g[3])).astype(dtype)
    y, mean, mask, max_dx, mean_dx = (np.full(a.shape, np.nan, dtype) for a in (dy, dy, dy, x, x))
    if aligned:
        max_dx = aligned_nan(x.shape, dtype)
    places = np.zeros(dy.shape, dtype)
    flat = [array.reshape(-1) for array in (x, dy, y, places, mask, mean, max_dx, mean_dx)]
    pooling.max_without_places(flat[0], flat[2], g)
    alone = y.copy()
    pooling.max_forward(flat[0], flat[2], flat[3], g)
    np.testing.assert_array_equal(y, alone)
    pooling.copy_places(flat[3], flat[4], g)
    pooling.max_backward(flat[1], flat[3], flat[6], g)
    pooling.average_forward(flat[0], flat[5], g)
    pooling.average_backward(flat[1], flat[7], g)
    for got, expected in zip((y, mask, mean, max_dx, mean_dx), naive(x, dy, g), strict=True):
        np.testing.assert_allclose(got, expected, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 1e-6), (np.float64, 1e-13)])
@pytest.mark.parametrize("columns", [1, 3, 4, 7, 8, 11, 16])
def test_two_by_two(columns, dtype, tolerance):
    check(geometry(4, 2 * columns, (2, columns), (2, 2), (2, 2)), dtype=dtype, tolerance=tolerance)


@pytest.mark.parametrize(
    "g",
    [
        geometry(5, 5, (3, 3), (2, 2), (2, 2)),
        geometry(7, 8, (3, 3), (3, 2), (2, 3)),
        geometry(4, 4, (4, 4), (4, 4), (2, 2), (3, 3)),
        geometry(7, 6, (4, 3), (3, 4), (2, 3), (1, 2)),
        geometry(3, 4, (1, 1), (3, 4), (1, 1)),
        geometry(4, 19, (4, 19), (3, 3), (1, 1), (1, 1)),
        geometry(5, 38, (2, 19), (3, 3), (2, 2)),
    ],
    ids=["partial", "oblong", "wide_pad", "oblong_pad", "whole", "neighbours", "every_second"],
)
def test_windows(g):
    check(g)
    check(g, dtype=np.float32, tolerance=1e-6)


@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize(
    ("lengths", "outputs"),
    [
        ((7, 9), (3, 4)),
        ((8, 16), (4, 8)),
        ((9, 32), (4, 16)),
        ((4, 32), (2, 16)),
        ((5, 33), (2, 16)),
        ((6, 35), (3, 17)),
        ((8, 64), (4, 32)),
        ((9, 64), (3, 30)),  # the last lines and columns are in no window
        ((1, 1), (1, 1)),
        ((2, 40), (1, 20)),
    ],
)
def test_three_by_three_every_second(lengths, outputs, large, monkeypatch):
    """Also as if planes were so many that the gradient is written past the caches."""
    monkeypatch.setattr(pooling, "_LARGE", 0 if large else 1 << 40)
    g = geometry(*lengths, outputs, (3, 3), (2, 2))
    check(g, aligned=large)
    check(g, dtype=np.float32, tolerance=1e-6, aligned=large)


@settings(max_examples=30, deadline=None)
@given(
    lengths=st.tuples(st.integers(1, 8), st.integers(1, 8)),
    kernel=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    stride=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    pads=st.tuples(st.integers(0, 3), st.integers(0, 3)),
)
def test_any_geometry(lengths, kernel, stride, pads):
    pad = tuple(min(p, k - 1) for p, k in zip(pads, kernel, strict=True))
    sizes = [(n + 2 * p - k) // s + 1 for n, p, k, s in zip(lengths, pad, kernel, stride, strict=True)]
    assume(min(sizes) > 0)
    check(geometry(*lengths, sizes, kernel, stride, pad), planes=2)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_drawn(dtype):
    g = geometry(5, 4, (2, 2), (3, 2), (2, 2))
    rng = np.random.default_rng(4)
    x = np.abs(rng.standard_normal((2, 5, 4))).astype(dtype)
    x[0] = 0
    x[1, 0, 0] = 0
    y, places, mask = (np.zeros((2, 2, 2), dtype) for _ in range(3))
    for share in (0.0, 0.3, 0.999999):
        uniform = np.full(8, share, dtype)
        stochastic_pooling.sample_forward(x.reshape(-1), uniform, y.reshape(-1), places.reshape(-1), g)
        pooling.copy_places(places.reshape(-1), mask.reshape(-1), g)
        numbers = np.arange(20).reshape(5, 4)
        for plane in range(2):
            for oh, ow, inside, _divisor in windows(g):
                values = x[plane][inside].reshape(-1)
                running = np.cumsum(values)
                drawn = np.searchsorted(running, share * running[-1], side="right") if running[-1] > 0 else 0
                expected = numbers[inside].reshape(-1)[min(drawn, len(values) - 1)]
                assert mask[plane, oh, ow] == expected
                assert y[plane, oh, ow] == x[plane].reshape(-1)[expected]


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 1e-5), (np.float64, 1e-12)])
def test_expected(dtype, tolerance):
    g = geometry(5, 4, (2, 2), (3, 2), (2, 2))
    rng = np.random.default_rng(4)
    x = np.abs(rng.standard_normal((2, 5, 4))).astype(dtype)
    x[0] = 0
    dy = rng.standard_normal((2, 2, 2)).astype(dtype)
    y, dx = np.full_like(dy, np.nan), np.full_like(x, np.nan)
    stochastic_pooling.expect_forward(x.reshape(-1), y.reshape(-1), g)
    stochastic_pooling.expect_backward(x.reshape(-1), y.reshape(-1), dy.reshape(-1), dx.reshape(-1), g)
    expected, gradient = np.zeros(dy.shape), np.zeros(x.shape)
    for oh, ow, inside, _divisor in windows(g):
        values = x[1][inside].astype(np.float64)
        expected[1, oh, ow] = (values**2).sum() / values.sum()
        gradient[1][inside] += dy[1, oh, ow] * (2 * values - expected[1, oh, ow]) / values.sum()
    np.testing.assert_allclose(y, expected, rtol=tolerance)
    np.testing.assert_allclose(dx, gradient, rtol=0, atol=tolerance)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("kernel", "stride"), [(2, 2), (3, 2), (2, 1), (3, 1), (4, 4), (8, 8)])
def test_nan_never_wins(kernel, stride, dtype):
    outputs = [(length - kernel) // stride + 1 for length in (16, 40)]
    g = geometry(16, 40, outputs, (kernel, kernel), (stride, stride))
    x = np.random.default_rng(3).standard_normal((1, 16, 40)).astype(dtype)
    x[np.random.default_rng(4).random(x.shape) < 0.5] = np.nan
    y, alone, places = np.zeros((3, 1, *outputs), dtype)
    pooling.max_forward(x.reshape(-1), y.reshape(-1), places.reshape(-1), g)
    pooling.max_without_places(x.reshape(-1), alone.reshape(-1), g)
    most, chosen, *_ = naive(np.where(np.isnan(x), -np.inf, x), np.zeros_like(y), g)
    np.testing.assert_array_equal(y, most)
    np.testing.assert_array_equal(alone, most)
    np.testing.assert_array_equal(places.view(f"i{places.itemsize}"), chosen)
