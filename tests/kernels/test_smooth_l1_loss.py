from __future__ import annotations

import numpy as np
import pytest

from pycaffelite.kernels.smooth_l1_loss import forward


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_values_at_the_seams(dtype):
    a = np.array([0.0, 0.0625, 0.25, -0.25, 3.0, -3.0], dtype)
    slopes, losses, none = np.empty(6, dtype), np.empty(6, dtype), np.zeros(0, dtype)
    total = forward(a, np.zeros(6, dtype), none, none, 4.0, slopes, losses)
    assert losses.tolist() == [0, 2 * 0.0625**2, 0.125, 0.125, 2.875, 2.875]
    assert slopes.tolist() == [0, 0.25, 1, -1, 1, -1]
    assert total == losses.sum()


def test_weights():
    a, b = np.array([3.0, 1.0, 0.5]), np.array([1.0, 1.5, 0.5])
    slopes, none = np.empty(3), np.zeros(0)
    total = forward(a, b, np.array([0.25, 4.0, 2.0]), np.array([3.0, 0.5, 1.0]), 1.0, slopes, none)
    assert total == 3 * 0.125 + 0.5 * 1.5
    assert slopes.tolist() == [3 * 0.25 * 0.5, 0.5 * 4 * -1, 0]


def test_nan_stays_nan():
    slopes, none = np.empty(1), np.zeros(0)
    assert np.isnan(forward(np.array([np.nan]), np.zeros(1), none, none, 1.0, slopes, none))
    assert np.isnan(slopes[0])
