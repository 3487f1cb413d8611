from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pycaffelite.kernels import _jit
from pycaffelite.kernels import gemm as gemm_module
from pycaffelite.kernels.gemm import add_column_sums, gemm

TOLERANCE = {np.float32: 1e-5, np.float64: 1e-13}


def check(rows, columns, depth, dtype, transpose_a=False, transpose_b=False, accumulate=False, bias=False):
    rng = np.random.default_rng(rows + columns + depth)
    a = rng.standard_normal((depth, rows) if transpose_a else (rows, depth)).astype(dtype)
    b = rng.standard_normal((columns, depth) if transpose_b else (depth, columns)).astype(dtype)
    added = rng.standard_normal(columns).astype(dtype) if bias else None
    c = np.full((rows, columns), 2 if accumulate else np.nan, dtype)
    expected = (a.T if transpose_a else a).astype(np.float64) @ (b.T if transpose_b else b)
    expected += (2 if accumulate else 0) + (added if bias else 0)
    gemm(a, b, c, transpose_a=transpose_a, transpose_b=transpose_b, accumulate=accumulate, bias=added)
    np.testing.assert_allclose(c, expected, rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype] * max(1, depth))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("transpose_b", [False, True])
@pytest.mark.parametrize("transpose_a", [False, True])
def test_every_form(transpose_a, transpose_b, dtype):
    for shape in [(1, 1, 1), (5, 7, 3), (3, 70, 9), (70, 3, 9), (29, 65, 33), (2, 3, 600)]:
        check(*shape, dtype, transpose_a, transpose_b)
        check(*shape, dtype, transpose_a, transpose_b, accumulate=True)
        check(*shape, dtype, transpose_a, transpose_b, bias=True)


@pytest.mark.parametrize("shape", [(5, 7, 3), (3, 70, 9), (70, 3, 9), (29, 65, 600), (4, 9, 100)])
@pytest.mark.parametrize("transpose_b", [False, True])
def test_endings(shape, transpose_b):
    rows, columns, depth = shape
    rng = np.random.default_rng(1)
    a, b = (
        rng.standard_normal((rows, depth)),
        rng.standard_normal((columns, depth) if transpose_b else (depth, columns)),
    )
    bias, scale, c = rng.standard_normal(columns), rng.standard_normal(columns), np.empty((rows, columns))
    a[0, 0] = np.nan
    product = a @ (b.T if transpose_b else b)
    for scales, shifts in ((None, bias), (scale, None), (scale, bias), (None, None)):
        expected = product * (1 if scales is None else scale) + (0 if shifts is None else bias)
        for slope in (None, 0.0, 0.25):
            gemm(a, b, c, transpose_b=transpose_b, bias=shifts, scale=scales, slope=slope)
            ended = expected if slope is None else np.where(expected > 0, expected, slope * expected)
            np.testing.assert_allclose(c, ended, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("shape", [(3, 7, 36), (7, 3, 36), (5, 70, 9), (29, 65, 600), (4, 9, 130)])
@pytest.mark.parametrize("transpose_b", [False, True])
def test_a_rectified_bias_has_the_bits_of_two_passes(shape, transpose_b):
    rows, columns, depth = shape
    rng = np.random.default_rng(1)
    a = rng.standard_normal((rows, depth)).astype(np.float32)
    b = rng.standard_normal((columns, depth) if transpose_b else (depth, columns)).astype(np.float32)
    for bias in (rng.standard_normal(columns).astype(np.float32), None):
        plain, rectified = np.empty((2, rows, columns), np.float32)
        gemm(a, b, plain, transpose_b=transpose_b, bias=bias)
        gemm(a, b, rectified, transpose_b=transpose_b, bias=bias, slope=0.3)
        np.testing.assert_array_equal(rectified, np.where(plain > 0, plain, np.float32(0.3) * plain))


def test_few_rows_and_a_large_matrix(monkeypatch):
    """The matrix is read in place: by rows, or by dot products where it is transposed."""
    monkeypatch.setattr("pycaffelite.kernels.gemm._CACHE_BYTES", 1024)
    gemm_module._plan.cache_clear()
    for dtype in (np.float32, np.float64):
        for rows in (1, 3, 10):
            for columns, depth in ((70, 41), (64, 333), (7, 336), (250, 350)):
                check(rows, columns, depth, dtype)
                check(rows, columns, depth, dtype, bias=True)
                check(rows, columns, depth, dtype, accumulate=True)
                check(rows, columns, depth, dtype, transpose_b=True, bias=True)
    test_endings((3, 70, 100), False)
    gemm_module._plan.cache_clear()


def test_many_rows_of_short_sums():
    for columns in (64, 70):
        check(500, columns, 10, np.float64, transpose_a=True, accumulate=True)
        check(500, columns, 10, np.float64, transpose_a=True)


def test_one_column_and_both_transposed():
    check(5, 1, 9, np.float64, True, True)


def test_nothing_to_multiply():
    check(3, 4, 0, np.float64, bias=True)
    check(3, 4, 0, np.float64, accumulate=True)
    check(0, 4, 2, np.float64)
    check(3, 0, 2, np.float64)


@settings(max_examples=60, deadline=None)
@given(
    rows=st.integers(1, 40),
    columns=st.integers(1, 40),
    depth=st.integers(1, 40),
    transpose_a=st.booleans(),
    transpose_b=st.booleans(),
    ending=st.sampled_from(["overwrite", "accumulate", "bias"]),
)
def test_any_shape(rows, columns, depth, transpose_a, transpose_b, ending):
    check(rows, columns, depth, np.float64, transpose_a, transpose_b, ending == "accumulate", ending == "bias")


def test_same_bits_for_any_number_of_threads():
    rng = np.random.default_rng(1)
    a, b = rng.standard_normal((70, 90)).astype(np.float32), rng.standard_normal((90, 75)).astype(np.float32)
    results = []
    before = _jit.set_threads(None)
    for threads in (1, 2):
        _jit.set_threads(threads)
        c = np.zeros((70, 75), np.float32)
        gemm(a, b, c)
        results.append(c)
    _jit.set_threads(before)
    np.testing.assert_array_equal(results[0], results[1])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_add_column_sums(dtype):
    a = np.arange(12, dtype=dtype)
    target = np.ones(3, dtype)
    add_column_sums(a, 4, 3, target)
    np.testing.assert_array_equal(target, [19, 23, 27])
