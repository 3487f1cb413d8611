from __future__ import annotations

import numpy as np
import pytest

from pycaffelite.kernels import l1_loss


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_distance_and_direction(dtype):
    a, b = np.array([1, -2, 3, 0], dtype), np.array([2, -2, 1.5, 0.25], dtype)
    out = np.full(4, 9, dtype)
    assert l1_loss.distance(a, b) == 2.75
    l1_loss.direction(a, b, 0.5, out)
    assert out.tolist() == [-0.5, 0, 0.5, -0.5]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("alone", [False, True])
def test_lengths(dtype, alone):
    a = np.array([[[3, 0.5], [4, np.nan]]], dtype)  # one record of two channels and two places
    b = np.array([], dtype) if alone else np.zeros(4, dtype)
    out = np.full(4, 9, dtype)
    assert l1_loss.count_entries(a.reshape(-1), b) == 3
    np.testing.assert_allclose(
        l1_loss.sum_lengths(a.reshape(-1), b, 2, 2, 0.5, 0.25, 0.0), np.sqrt([12.75, 0.375]).sum()
    )
    l1_loss.length_gradient(a.reshape(-1), b, 2, 2, 0.5, 0.25, 0.0, 2.0, out)
    expected = np.array([3, 0.5, 4, 0]) / np.sqrt([12.75, 0.375, 12.75, 0.375])
    np.testing.assert_allclose(out, expected, rtol=1e-6)
    np.testing.assert_allclose(l1_loss.sum_lengths(a.reshape(-1), b, 2, 2, 1.0, 0.0, 1.0), 5)
    l1_loss.length_gradient(a.reshape(-1), b, 2, 2, 1.0, 0.0, 1.0, 1.0, out)
    np.testing.assert_allclose(out, [0.6, 0, 0.8, 0], rtol=1e-6)
