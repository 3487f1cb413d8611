from __future__ import annotations

import numpy as np
import pytest

from pycaffelite.kernels import focal_loss


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 1e-6), (np.float64, 1e-14)])
def test_focal_loss(gamma, dtype, tolerance):
    p = np.array([[0.25, 0.75], [1, 0], [0.5, 0.5]], dtype)
    labels, diff = np.array([0, 0, 7], dtype), np.full(6, 9, dtype)
    arguments = (p.reshape(-1), labels, True, 7, 2, 1, np.array([0.5, 9]), gamma)
    total, valid, wrong = focal_loss.sum_losses(*arguments)
    assert (valid, wrong) == (2, -1)
    np.testing.assert_allclose(total, -0.5 * 0.75**gamma * np.log(0.25), rtol=1e-12)
    focal_loss.write_gradient(*arguments, 2.0, diff)
    bent = gamma * 0.75 ** (gamma - 1) * 0.25 * np.log(0.25)
    factor = bent - 0.75**gamma
    np.testing.assert_allclose(diff, [0.75 * factor, -0.75 * factor, 0, 0, 0, 0], rtol=0, atol=tolerance)
    assert focal_loss.sum_losses(p.reshape(-1), np.array([0, 2, 0], dtype), False, 0, 2, 1, np.ones(2), gamma)[2] == 1
