"""Loss kernels without a parallel loop, against NumPy."""

from __future__ import annotations

import numpy as np
import pytest

from pycaffelite.kernels import contrastive_loss, hinge_loss, infogain_loss, multinomial_logistic_loss

LABELS = [1, 0, 2]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_hinge_loss(dtype):
    x = np.random.default_rng(0).standard_normal((3, 3)).astype(dtype)
    labels, diff = np.array(LABELS, dtype), np.full(9, 9, dtype)
    signs = 2 * np.eye(3)[LABELS] - 1
    lack = np.maximum(0, 1 - signs * x)
    assert hinge_loss.sum_violations(x.reshape(-1), labels, 3, False) == (pytest.approx(lack.sum(), rel=1e-6), -1)
    hinge_loss.violation_gradient(x.reshape(-1), labels, 3, True, 0.5, diff)
    np.testing.assert_allclose(diff.reshape(3, 3), -signs * lack, rtol=1e-5)
    assert hinge_loss.sum_violations(x.reshape(-1), labels + 1, 3, False)[1] == 2


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_multinomial_logistic_loss(dtype):
    shares = np.array([[0.1, 0.2, 0.7], [0, 1, 0], [0.5, 0.25, 0.25]], dtype)
    labels, diff = np.array(LABELS, dtype), np.full(9, 9, dtype)
    loss = -np.log([np.float64(shares[0, 1]), 1e-20, 0.25]).sum()
    got = multinomial_logistic_loss.sum_losses(shares.reshape(-1), labels, 3)
    assert got == (pytest.approx(loss, rel=1e-6), -1)
    multinomial_logistic_loss.loss_gradient(shares.reshape(-1), labels, 3, 1.0, diff)
    np.testing.assert_allclose(diff, [0, -5, 0, -1e20, 0, 0, 0, 0, -4], rtol=1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_contrastive_loss(dtype):
    a, b = np.array([[3, 4], [0.3, 0.4]], dtype), np.zeros((2, 2), dtype)
    kinds, diff = np.array([1, 0], dtype), np.full(4, 9, dtype)
    assert contrastive_loss.sum_losses(a.reshape(-1), b.reshape(-1), kinds, 1.0, False) == pytest.approx(25.25)
    contrastive_loss.loss_gradient(a.reshape(-1), b.reshape(-1), kinds, 1.0, False, 1.0, diff)
    np.testing.assert_allclose(diff, [3, 4, -0.3 * 0.5 / 0.5001, -0.4 * 0.5 / 0.5001], rtol=1e-5)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_infogain_loss(dtype):
    shares = np.array([[0.1, 0.2, 0.7], [0.25, 0.5, 0.25]], dtype)
    labels, diff, gains = np.array([2, 7], dtype), np.full(6, 9, dtype), np.arange(9, dtype=dtype).reshape(3, 3)
    loss = -(np.log(shares[0]) * gains[2]).sum()
    got = infogain_loss.sum_losses(shares.reshape(-1), labels, gains, True, 7, 1)
    assert got == (pytest.approx(loss, rel=1e-5), 1, -1)
    infogain_loss.loss_gradient(shares.reshape(-1), labels, gains, True, 7, 1.0, 1, diff)
    np.testing.assert_allclose(diff, [*(shares[0] * 21 - gains[2]), 0, 0, 0], rtol=1e-5)
