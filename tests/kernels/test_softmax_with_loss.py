from __future__ import annotations

import math

import numpy as np
import pytest

from pycaffelite.kernels import softmax_with_loss as kernels
from pycaffelite.kernels._jit import JIT_ENABLED

IGNORE = (True, 1)


def naive(scores, labels, ignore):
    shares = np.exp(scores - scores.max(axis=1, keepdims=True))
    shares /= shares.sum(axis=1, keepdims=True)
    loss, valid, diff = 0.0, 0, shares.copy()
    for column, label in enumerate(labels.astype(int)):
        n, i = divmod(column, scores.shape[2])
        if ignore[0] and label == ignore[1]:
            diff[n, :, i] = 0
            continue
        loss -= math.log(max(shares[n, label, i], kernels.SMALLEST))
        valid += 1
        diff[n, label, i] -= 1
    return loss, valid, shares, diff


@pytest.mark.parametrize("ignore", [(False, 0), IGNORE])
@pytest.mark.parametrize("shape", [(5, 3, 1), (2, 3, 4), *([(3000, 3, 1), (3, 3, 2000)] if JIT_ENABLED else [])])
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 1e-6), (np.float64, 1e-14)])
def test_losses_and_gradients(dtype, tolerance, shape, ignore):
    random = np.random.default_rng(2)
    scores = random.standard_normal(shape).astype(dtype)
    labels = random.integers(0, 3, shape[0] * shape[2]).astype(dtype)
    loss, valid, shares, diff = naive(scores.astype(np.float64), labels, ignore)
    probabilities = shares.astype(dtype).reshape(-1)
    result = kernels.sum_losses(probabilities, labels, ignore, shape)
    assert result[0] == pytest.approx(loss, rel=10 * tolerance)
    assert result[1:] == (valid, -1)
    back = np.full_like(probabilities, 9)
    kernels.write_gradient(probabilities, labels, ignore, 0.5, shape, back)
    np.testing.assert_allclose(back.reshape(shape), 0.5 * diff, rtol=0, atol=tolerance)


def test_the_first_wrong_label_is_told():
    shares, labels = np.full(80, 0.5), np.zeros(40)
    labels[[7, 30]] = 2, -1
    assert kernels.sum_losses(shares, labels, (False, 0), (40, 2, 1))[2] == 7
