from __future__ import annotations

import numpy as np
import pytest

from pycaffelite.kernels import _jit, streams
from pycaffelite.kernels.gemm import gemm
from pycaffelite.kernels.microkernel import MAX_HEIGHT, tile_width

TOLERANCE = {np.float32: 1e-5, np.float64: 1e-13}
LEAST_ROWS = 16 * MAX_HEIGHT


@pytest.fixture(autouse=True)
def small_is_large(monkeypatch):
    monkeypatch.setattr(streams, "_LARGE", 512)
    monkeypatch.setattr(streams, "_PASSING", 512)


def aligned(shape, dtype, offset=0):
    """Return an array of NaN whose first element lies `offset` elements behind the beginning of a cache line."""
    count = int(np.prod(shape))
    raw = np.full(count + 2 * 64, np.nan, dtype)
    start = -raw.ctypes.data % 64 // raw.itemsize + offset
    return raw[start : start + count].reshape(shape)


def check(rows, columns, depth, dtype, transpose_a=False, accumulate=False, offset=0):
    """Compare with NumPy, and return whether the product was one for this module."""
    rng = np.random.default_rng(rows + columns + depth)
    a = rng.standard_normal((depth, rows) if transpose_a else (rows, depth)).astype(dtype)
    b = rng.standard_normal((depth, columns)).astype(dtype)
    c = aligned((rows, columns), dtype, offset)
    if accumulate:
        c[...] = 2
    expected = (a.T if transpose_a else a).astype(np.float64) @ b + (2 if accumulate else 0)
    paid = streams.pays(rows, columns, depth, transpose_a, accumulate, c)
    if paid:
        streams.multiply(a, b, c, transpose_a, accumulate)
        np.testing.assert_allclose(c, expected, rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype] * depth)
    c[...] = 2 if accumulate else np.nan
    gemm(a, b, c, transpose_a=transpose_a, accumulate=accumulate)
    np.testing.assert_allclose(c, expected, rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype] * depth)
    return paid


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("accumulate", [False, True])
@pytest.mark.parametrize("rows", [1, 4, 10])
def test_few_rows(rows, accumulate, dtype):
    width = tile_width(dtype)
    for columns in (width, 3 * width, 7 * width + 5):
        for depth in (16, 40):
            assert check(rows, columns, depth, dtype, accumulate=accumulate)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("depth", [1, 10, 64])
def test_few_products_a_number(depth, dtype):
    line, width = 64 // np.dtype(dtype).itemsize, tile_width(dtype)
    for rows in (LEAST_ROWS, LEAST_ROWS + 5):
        for columns in (max(width, line) + line, 8 * max(width, line)):
            assert check(rows, columns, depth, dtype, transpose_a=True)


def test_what_is_left_to_others():
    width = tile_width(np.float32)
    assert not check(3, width - 1, 100, np.float32)  # narrower than a tile
    assert not check(97, width, 16, np.float32)  # many rows
    assert not check(3, 2 * width, 1, np.float32)  # a small matrix
    assert not check(LEAST_ROWS, 128, 65, np.float32, transpose_a=True)  # deep
    assert not check(LEAST_ROWS - 1, 128, 3, np.float32, transpose_a=True)  # few rows
    assert not check(LEAST_ROWS, 128, 3, np.float32, transpose_a=True, accumulate=True)
    assert not check(LEAST_ROWS, 129, 3, np.float32, transpose_a=True)  # rows that do not begin with a cache line
    assert not check(LEAST_ROWS, 128, 3, np.float32, transpose_a=True, offset=1)


def test_no_product_at_all():
    assert not check(LEAST_ROWS, 128, 0, np.float32, transpose_a=True)


def test_nan_and_infinity_stay():
    a, b = np.ones((2, 16), np.float32), np.ones((16, 64), np.float32)
    b[3, 5], b[4, 6] = np.nan, np.inf
    c = aligned((2, 64), np.float32)
    streams.multiply(a, b, c, False, False)
    assert np.isnan(c[:, 5]).all()
    assert np.isposinf(c[:, 6]).all()
    assert (np.delete(c, [5, 6], axis=1) == 16).all()


def test_same_bits_for_any_number_of_threads():
    rng = np.random.default_rng(1)
    x, dy = rng.standard_normal((10, 320)).astype(np.float32), rng.standard_normal((10, LEAST_ROWS)).astype(np.float32)
    w = rng.standard_normal((LEAST_ROWS, 320)).astype(np.float32)
    results = []
    before = _jit.set_threads(None)
    for threads in (1, 2):
        _jit.set_threads(threads)
        dx, dw = aligned(x.shape, np.float32), aligned(w.shape, np.float32)
        streams.multiply(dy, w, dx, False, False)
        streams.multiply(dy, x, dw, True, False)
        results.append((dx, dw))
    _jit.set_threads(before)
    for one, two in zip(*results, strict=True):
        np.testing.assert_array_equal(one, two)
