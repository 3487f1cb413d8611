from __future__ import annotations

import numpy as np
import pytest

from pycaffelite.kernels import spatial_transformer


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 1e-5), (np.float64, 1e-13)])
def test_a_shift_reads_shifted_pixels(dtype, tolerance):
    u = np.random.default_rng(0).standard_normal((1, 2, 4, 4)).astype(dtype)
    theta = np.array([1, 0, 0.5, 0, 1, -0.25], dtype)  # a row down, half a column to the left
    v, du, dtheta = np.full_like(u, 9), np.full_like(u, 9), np.full(6, 9, dtype)
    spatial_transformer.sample(u.reshape(-1), theta, v.reshape(-1), u.shape, (4, 4))
    padded = np.pad(u, ((0, 0), (0, 0), (0, 1), (1, 0)))[:, :, 1:]
    np.testing.assert_allclose(v, (padded[..., :-1] + padded[..., 1:]) / 2, rtol=0, atol=tolerance)
    flat = u.reshape(-1), theta, np.ones(u.size, dtype), du.reshape(-1), dtheta
    spatial_transformer.sample_backward(*flat, u.shape, (4, 4), False)
    assert (du == 9).all()
    spatial_transformer.sample_backward(*flat, u.shape, (4, 4), True)
    assert du[0, 0].tolist() == [[0, 0, 0, 0]] + [[1, 1, 1, 0.5]] * 3
    np.testing.assert_allclose(dtheta[5], 2 * np.diff(padded, axis=3).sum(), rtol=0, atol=20 * tolerance)
