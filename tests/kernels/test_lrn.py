from __future__ import annotations

import numpy as np
import pytest

from pycaffelite.kernels import lrn

DTYPES = [(np.float32, 1e-5), (np.float64, 1e-13)]


@pytest.mark.parametrize(("dtype", "tolerance"), DTYPES)
@pytest.mark.parametrize("size", [1, 3, 9])
def test_sum_across(dtype, tolerance, size):
    values = np.random.default_rng(1).standard_normal((2, 5, 3)).astype(dtype)
    sums = np.full_like(values, 9)
    lrn.sum_across(values, size, sums)
    for c in range(5):
        expected = values[:, max(0, c - size // 2) : c + size // 2 + 1].sum(axis=1)
        np.testing.assert_allclose(sums[:, c], expected, rtol=0, atol=tolerance)


@pytest.mark.parametrize(("dtype", "tolerance"), DTYPES)
@pytest.mark.parametrize("size", [1, 3, 9])
def test_sum_within(dtype, tolerance, size):
    values = np.random.default_rng(1).standard_normal((2, 4, 3)).astype(dtype)
    rows, sums = np.full_like(values, 9), np.full_like(values, 9)
    lrn.sum_within(values, size, rows, sums)
    reach = size // 2
    for h in range(4):
        for w in range(3):
            window = values[:, max(0, h - reach) : h + reach + 1, max(0, w - reach) : w + reach + 1]
            np.testing.assert_allclose(sums[:, h, w], window.sum(axis=(1, 2)), rtol=0, atol=tolerance)


@pytest.mark.parametrize(("dtype", "tolerance"), DTYPES)
@pytest.mark.parametrize("beta", [0.75, 0.5, 2.0])
def test_elementwise(dtype, tolerance, beta):
    x, dy, sums = np.random.default_rng(1).standard_normal((3, 21)).astype(dtype)
    squares, divisor, power, y, ratio, dx = np.full((6, 21), 9, dtype)
    lrn.square(x, squares)
    np.testing.assert_allclose(squares, x**2, rtol=tolerance)
    lrn.forward(x, squares, 2.0, 0.3, beta, divisor, power, y)
    np.testing.assert_allclose(divisor, 2 + dtype(0.3) * x**2, rtol=tolerance)
    np.testing.assert_allclose(power, divisor**-beta, rtol=tolerance)
    np.testing.assert_allclose(y, x * power, rtol=tolerance)
    lrn.weighted_ratio(x, divisor, power, dy, ratio)
    np.testing.assert_allclose(ratio, dy * y / divisor, rtol=tolerance)
    lrn.backward(x, power, sums, 0.7, dy, dx)
    np.testing.assert_allclose(dx, dy * power - dtype(0.7) * x * sums, rtol=0, atol=tolerance)
