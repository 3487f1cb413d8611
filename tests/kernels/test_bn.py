from __future__ import annotations

import numpy as np
import pytest

from pycaffelite.kernels import bn

SHAPES = [(2, 3, 4), (5, 2, 1), (1, 1, 3)]
EPS = 1e-3


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 1e-5), (np.float64, 1e-13)])
def test_bn(shape, dtype, tolerance):
    x, dy = np.random.default_rng(3).standard_normal((2, *shape)).astype(dtype)
    kept, y, dx = np.full((3, *shape), 9, dtype)
    numbers = np.full((5, shape[1]), 9, dtype)
    numbers[2:4] = slope, bias = np.random.default_rng(4).standard_normal((2, shape[1])).astype(dtype)
    bn.forward(x, kept, y, numbers, EPS)
    mean, variance = x.mean((0, 2)), x.var((0, 2))
    deviation = np.sqrt(variance + EPS)
    np.testing.assert_allclose(numbers, [mean, variance, slope, bias, 1 / deviation], rtol=0, atol=40 * tolerance)
    normalized = (x - mean[:, None]) / deviation[:, None]
    np.testing.assert_allclose(kept, normalized, rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(y, normalized * slope[:, None] + bias[:, None], rtol=tolerance, atol=4 * tolerance)

    back = np.full((5, shape[1]), 9, dtype)
    back[2] = slope / deviation
    bn.backward(kept, dy, dx, back, False)
    assert (dx == 9).all()
    bn.backward(kept, dy, dx, back, True)
    np.testing.assert_allclose(back[:2], [dy.sum((0, 2)), (dy * kept).sum((0, 2))], rtol=0, atol=40 * tolerance)
    a, b = dy.mean((0, 2), keepdims=True), (dy * kept).mean((0, 2), keepdims=True)
    expected = (dy - a - b * kept) * (slope / deviation)[:, None]
    np.testing.assert_allclose(dx, expected, rtol=0, atol=40 * tolerance)

    kept_in_place = np.empty_like(x)
    bn.forward(x, kept_in_place, x, numbers, EPS)
    np.testing.assert_array_equal(x, y)
    bn.backward(kept, dy, dy, back, True)
    np.testing.assert_array_equal(dy, dx)
