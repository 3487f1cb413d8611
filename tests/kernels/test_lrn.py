from __future__ import annotations

import numpy as np
import pytest

from pycaffelite.kernels import lrn

DTYPES = [(np.float32, 1e-5), (np.float64, 1e-13)]


@pytest.mark.parametrize(("dtype", "tolerance"), DTYPES)
@pytest.mark.parametrize("beta", [0.75, 0.5])
@pytest.mark.parametrize(("size", "shape"), [(1, (2, 5, 3)), (3, (1, 4, 131)), (9, (2, 5, 3)), (3, (8, 4, 131))])
def test_across(dtype, tolerance, size, shape, beta):
    x, dy = np.random.default_rng(1).standard_normal((2, *shape)).astype(dtype)
    y, dx, divisor = np.full_like(x, 9), np.full_like(x, 9), np.full(x.size, 9, dtype)

    def windows(values):
        reach = size // 2
        sums = [values[:, max(0, c - reach) : c + reach + 1].sum(axis=1) for c in range(shape[1])]
        return np.stack(sums, axis=1)

    lrn.forward_across(x, size, 2.0, 0.3, beta, divisor, y)
    expected = 2 + 0.3 * windows(x.astype(np.float64) ** 2)
    np.testing.assert_allclose(divisor, expected.reshape(-1), rtol=tolerance)
    np.testing.assert_allclose(y, x * expected**-beta, rtol=tolerance)
    alone = np.full_like(x, 9)
    lrn.forward_across(x, size, 2.0, 0.3, beta, divisor[:0], alone)
    np.testing.assert_array_equal(alone, y)
    lrn.backward_across(x, size, 0.3, beta, divisor, dy, dx)
    truth = dy * expected**-beta - 0.6 * beta * x * windows(dy * x * expected ** (-beta - 1))
    np.testing.assert_allclose(dx, truth, rtol=0, atol=10 * tolerance)


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
