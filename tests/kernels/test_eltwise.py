from __future__ import annotations

import numpy as np
import pytest

from pycaffelite.kernels import eltwise

A = np.array([1.0, -2.0, 0.5, 3.0, 0.0])
B = np.array([1.0, 4.0, -0.5, 2.0, 8.0])
C = np.array([2.0, 4.0, -1.0, 5.0, 1.0])
DTYPES = pytest.mark.parametrize("dtype", [np.float32, np.float64])


@DTYPES
@pytest.mark.parametrize(
    ("kernel", "arguments", "expected"),
    [
        (eltwise.weighted_sum, (A, 0.5, B, -2.0), 0.5 * A - 2 * B),
        (eltwise.sum_of_three, (A, B, C), A + B + C),
        (eltwise.scale, (A, -0.25), -0.25 * A),
        (eltwise.product, (A, B), A * B),
        (eltwise.scaled_ratio, (A, B, C), A / B * C),
    ],
)
def test_arithmetic(kernel, arguments, expected, dtype):
    arguments = [a.astype(dtype) if isinstance(a, np.ndarray) else a for a in arguments]
    out = np.full(5, 9, dtype)
    kernel(*arguments, out)
    np.testing.assert_array_equal(out, expected)
    kernel(*arguments, arguments[0])  # into an input
    np.testing.assert_array_equal(arguments[0], expected)


@DTYPES
def test_sum_into_the_second_input(dtype):
    a, b = A.astype(dtype), B.astype(dtype)
    eltwise.weighted_sum(a, 0.5, b, -2.0, b)
    np.testing.assert_array_equal(b, 0.5 * A - 2 * B)


@DTYPES
def test_rectified_sum(dtype):
    out = np.full(5, 9, dtype)
    eltwise.add_rectified(A.astype(dtype), 1.0, B.astype(dtype), -1.0, out, 0.5)
    np.testing.assert_array_equal(out, np.where(A > B, A - B, (A - B) / 2))


@DTYPES
def test_maximum(dtype):
    out, winner = np.full(5, 9, dtype), np.full(5, 9, np.int32)
    eltwise.maximum_of_two(A.astype(dtype), B.astype(dtype), out, winner)
    assert out.tolist() == np.maximum(A, B).tolist()
    assert winner.tolist() == [1, 1, 0, 0, 1]
    eltwise.maximum_of_next(C.astype(dtype), 2, out, winner)
    assert out.tolist() == np.maximum(np.maximum(A, B), C).tolist()
    assert winner.tolist() == [2, 1, 0, 2, 1]
    chosen = np.full(5, 9, dtype)
    eltwise.where_winner(A.astype(dtype), winner, 1, chosen)
    assert chosen.tolist() == [0, -2, 0, 0, 0]
