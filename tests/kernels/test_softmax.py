from __future__ import annotations

import numpy as np
import pytest

from pycaffelite.kernels import softmax

# The last but one has blocks that end where a range ends, and where a row does.
SHAPES = [(2, 3, 1), (1, 4, 3), (3, 1, 2), (3, 2, 700), (0, 3, 2)]


def naive(x):
    powers = np.exp(x - x.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 1e-6), (np.float64, 1e-14)])
def test_softmax(shape, dtype, tolerance):
    random = np.random.default_rng(5)
    scores, diff = random.standard_normal((2, *shape)).astype(dtype)
    out, back = np.full(shape, 9, dtype), np.full(shape, 9, dtype)
    flat = [array.reshape(-1) for array in (scores, out, diff, back)]
    softmax.forward(flat[0], flat[1], shape)
    np.testing.assert_allclose(out, naive(scores), rtol=0, atol=tolerance)
    softmax.backward(flat[1], flat[2], flat[3], shape)
    truth = (diff - (diff * out).sum(axis=1, keepdims=True)) * out
    np.testing.assert_allclose(back, truth, rtol=0, atol=10 * tolerance)
    softmax.forward(flat[0], flat[0], shape)
    np.testing.assert_array_equal(scores, out)
    softmax.backward(flat[1], flat[2], flat[2], shape)
    np.testing.assert_array_equal(diff, back)


def test_nan_makes_its_column_nan():
    scores = np.zeros((2, 3, 1), np.float32)
    scores[1, 2] = np.nan
    softmax.forward(scores.reshape(-1), scores.reshape(-1), scores.shape)
    assert np.isfinite(scores[0]).all()
    assert np.isnan(scores[1]).all()
