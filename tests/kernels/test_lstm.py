from __future__ import annotations

import numpy as np
import pytest

from pycaffelite.kernels import lstm as kernels


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 2e-6), (np.float64, 1e-14)])
def test_a_step_and_back(dtype, tolerance):
    random = np.random.default_rng(1)
    x, before = random.standard_normal((3, 20)).astype(dtype), random.standard_normal((3, 5)).astype(dtype)
    flow = np.array([1, 0, 1], dtype)
    gates, cells, hidden = x.copy(), np.array([before, before]), np.full((3, 5), 9, dtype)
    kernels.step_forward(gates.reshape(-1), cells.reshape(-1), flow, hidden.reshape(-1))
    i, f, o, g = np.split(x.astype(np.float64), 4, axis=1)
    i, f, o, g = sigmoid(i), sigmoid(f) * flow[:, None], sigmoid(o), np.tanh(g)
    after = f * before + i * g
    np.testing.assert_allclose(cells[1], after, rtol=0, atol=tolerance)
    np.testing.assert_allclose(hidden, o * np.tanh(after), rtol=0, atol=tolerance)

    dh, dc = random.standard_normal((2, 3, 5)).astype(dtype)
    dgates, dcells = np.full((3, 20), 9, dtype), dc.copy()
    args = (gates, cells, dh, dgates, dcells)
    kernels.step_backward(*(array.reshape(-1) for array in args), 3)
    whole = dc + dh * o * (1 - np.tanh(after) ** 2)
    expected = [whole * g * i * (1 - i), whole * before * f * (1 - f), dh * np.tanh(after) * o * (1 - o)]
    expected.append(whole * i * (1 - g**2))
    np.testing.assert_allclose(dgates, np.concatenate(expected, axis=1), rtol=0, atol=4 * tolerance)
    np.testing.assert_allclose(dcells, whole * f, rtol=0, atol=4 * tolerance)


def test_an_infinite_past_is_forgotten():
    gates, cells, hidden = np.zeros(4), np.array([np.inf, 9]), np.zeros(1)
    kernels.step_forward(gates, cells, np.zeros(1), hidden)
    assert cells[1] == 0


def test_nothing():
    empty = np.zeros(0)
    kernels.step_forward(empty, empty, np.zeros(2), empty)
