from __future__ import annotations

import math

import numpy as np
import pytest

from pycaffelite.kernels import softmax_with_loss as kernels

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
@pytest.mark.parametrize("shape", [(5, 3, 1), (2, 3, 4)])
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 1e-6), (np.float64, 1e-14)])
def test_both_kinds_do_what_is_naive(dtype, tolerance, shape, ignore):
    random = np.random.default_rng(2)
    scores = random.standard_normal(shape).astype(dtype)
    labels = random.integers(0, 3, shape[0] * shape[2]).astype(dtype)
    loss, valid, shares, diff = naive(scores.astype(np.float64), labels, ignore)
    for parallel in (False, True):
        probabilities, back = np.full(shape, 9, dtype), np.full(shape, 9, dtype)
        if parallel:
            result = kernels.forward_parallel(scores, labels, *ignore, probabilities)
            kernels.backward_parallel(probabilities, labels, *ignore, 0.5, back)
        else:
            result = kernels.forward(scores, labels, *ignore, probabilities, 0, labels.size)
            kernels.backward(probabilities, labels, *ignore, 0.5, back, 0, labels.size)
        assert result[0] == pytest.approx(loss, rel=10 * tolerance)
        assert result[1:] == (valid, -1)
        np.testing.assert_allclose(probabilities, shares, rtol=0, atol=tolerance)
        np.testing.assert_allclose(back, 0.5 * diff, rtol=0, atol=tolerance)


def test_a_range_leaves_the_other_columns():
    scores, probabilities = np.zeros((4, 2, 1)), np.full((4, 2, 1), 9.0)
    labels, back = np.zeros(4), np.full((4, 2, 1), 9.0)
    loss, valid, wrong = kernels.forward(scores, labels, False, 0, probabilities, 1, 3)
    kernels.backward(probabilities, labels, False, 0, 1.0, back, 1, 3)
    assert (valid, wrong) == (2, -1)
    assert loss == pytest.approx(2 * math.log(2))
    assert probabilities[[0, 3]].tolist() == back[[0, 3]].tolist() == [[[9], [9]]] * 2


def test_the_first_wrong_label_is_told():
    scores, labels = np.zeros((40, 2, 1)), np.zeros(40)
    labels[[7, 30]] = 2, -1
    assert kernels.forward(scores, labels, False, 0, np.empty_like(scores), 0, 40)[2] == 7
    assert kernels.forward_parallel(scores, labels, False, 0, np.empty_like(scores))[2] == 7
