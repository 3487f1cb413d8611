from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

from pycaffelite.kernels import microkernel
from pycaffelite.kernels._jit import JIT_ENABLED
from pycaffelite.kernels.microkernel import (
    ACCUMULATE,
    MAX_HEIGHT,
    RECTIFY,
    ROW_BIAS,
    SCALE,
    ZERO,
    multiply_tile,
    multiply_tile_indexed,
    row_tiles,
    tile_kernel,
    tile_width,
)
from pycaffelite.kernels.tasks import run, task


@task("fffff")
def multiply(_number, _thread, a, b, c, bias, _e, g):
    multiply_tile(g[0], g[1], a, 1, g[2], g[3], b, 2, g[4], c, 3, g[5], g[6], bias, 1)


@task("fffff")
def multiply_indexed(_number, _thread, a, b, c, bias, _e, g):
    multiply_tile_indexed(g[0], g[1], a, 1, g[2], g[3], b, 2, g, 9, c, 3, g[5], g[6], bias, 1, bias, 1, g[7])


def matrices(dtype, height, width, steps):
    rng = np.random.default_rng(height + steps)
    a, b = rng.standard_normal((height, steps)), rng.standard_normal((steps, width))
    return a.astype(dtype), b.astype(dtype), rng.standard_normal(height + 1).astype(dtype)


def run_tile(work, dtype, height, steps, start, *, vectors=microkernel.VECTORS, factor=0.0):
    width = tile_width(dtype) // microkernel.VECTORS * vectors
    a, b, bias = matrices(dtype, height, width, steps)
    row = width + 3
    c = np.arange(height * row + 5, dtype=dtype)
    expected = c.copy()
    inside = expected[3 : 3 + height * row].reshape(height, row)[:, :width]
    first = {ZERO: 0, ACCUMULATE: inside.copy(), ROW_BIAS: bias[1:, None]}[start & 3]
    inside[...] = first + a.astype(np.float64) @ b.astype(np.float64)
    if start & SCALE:
        inside[...] = bias[1:, None] * inside + bias[1:, None]
    if start & RECTIFY:
        inside[...] = np.where(inside > 0, inside, factor * inside)
    slope = int(np.float64(factor).view(np.int64))
    flat_a = np.concatenate([[0], a.T.reshape(-1)]).astype(dtype)  # transposed: strides are the caller's business
    flat_b = np.concatenate([[0, 0], b.reshape(-1)]).astype(dtype)
    address = tile_kernel(np.dtype(dtype).name, height, vectors, work is multiply_indexed)
    numbers = [address, steps, 1, height, width, row, start, slope, 0, *(np.arange(steps) * width)]
    run(work, 1, (flat_a, flat_b, c, bias), np.array(numbers, np.int64))
    tolerance = 1e-5 if dtype == np.float32 else 1e-13
    np.testing.assert_allclose(c, expected, rtol=tolerance, atol=tolerance * max(1, steps))


@pytest.mark.parametrize("start", [ZERO, ACCUMULATE, ROW_BIAS])
@pytest.mark.parametrize("steps", [0, 1, 7])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_tile(dtype, steps, start):
    for height in {1, 3, MAX_HEIGHT}:
        run_tile(multiply, dtype, height, steps, start)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_one_vector_and_indexed_rows(dtype):
    run_tile(multiply, dtype, 3, 5, ACCUMULATE, vectors=1)
    run_tile(multiply_indexed, dtype, 3, 5, ACCUMULATE)


@pytest.mark.parametrize("start", [SCALE, RECTIFY, ROW_BIAS | RECTIFY, ACCUMULATE | SCALE | RECTIFY])
def test_endings(start):
    for dtype in (np.float32, np.float64):
        run_tile(multiply_indexed, dtype, 3, 5, start, factor=0.25)


@pytest.mark.parametrize("rows", [1, 5, MAX_HEIGHT, MAX_HEIGHT + 1, 50, 500])
def test_rows_are_cut_evenly(rows):
    tiles, height, higher = row_tiles(rows)
    assert tiles * height + higher == rows
    assert 0 < height + (higher > 0) <= MAX_HEIGHT
    assert higher < tiles


PROGRAM = """
from pycaffelite.kernels import microkernel
address = microkernel.tile_kernel("float32", 2)
print(address > 0, microkernel.VECTOR_BYTES, [compiled.cache_hits for compiled in microkernel._KEPT])
"""


def run_program(**variables):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env={**os.environ, **variables}, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@pytest.mark.skipif(not JIT_ENABLED, reason="there is no machine code with the JIT off")
def test_a_second_process_finds_the_machine_code(tmp_path):
    first = run_program(NUMBA_CACHE_DIR=str(tmp_path))
    second = run_program(NUMBA_CACHE_DIR=str(tmp_path))
    assert first.endswith("[0]")
    assert second.endswith("[1]")


@pytest.mark.skipif(not JIT_ENABLED, reason="there is no machine code with the JIT off")
def test_a_plain_processor_gets_narrow_vectors(tmp_path):
    assert run_program(NUMBA_CPU_NAME="generic", NUMBA_CACHE_DIR=str(tmp_path)) == "True 16 [0]"
