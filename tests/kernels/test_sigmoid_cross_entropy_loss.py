from __future__ import annotations

import numpy as np
import pytest

from pycaffelite.kernels import sigmoid_cross_entropy_loss as kernels


@pytest.mark.parametrize("has_ignore", [False, True])
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 1e-6), (np.float64, 1e-14)])
def test_against_the_definition(dtype, tolerance, has_ignore):
    random = np.random.default_rng(4)
    scores = random.uniform(-4, 4, 37).astype(dtype)
    targets = random.choice([0, 0.25, 1, 1.5], 37).astype(dtype)
    kept = np.trunc(targets) != 1 if has_ignore else np.ones(37, bool)
    sigmoid = 1 / (1 + np.exp(-scores.astype(np.float64)))
    terms = targets * np.log(sigmoid) + (1 - targets) * np.log(1 - sigmoid)
    loss, valid = kernels.forward(scores, targets, has_ignore, 1)
    assert loss == pytest.approx(-terms[kept].sum(), rel=10 * tolerance)
    assert valid == kept.sum()
    back = np.full(37, 9, dtype)
    kernels.backward(scores, targets, has_ignore, 1, 0.5, back)
    np.testing.assert_allclose(back, np.where(kept, 0.5 * (sigmoid - targets), 0), rtol=0, atol=tolerance)
