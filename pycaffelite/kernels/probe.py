"""What the machine can do: its multiply-add rate and its memory bandwidth, to hold other kernels against."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numba
import numpy as np
import numpy.typing as npt

from pycaffelite.kernels._jit import Array
from pycaffelite.kernels.microkernel import MAX_HEIGHT, ZERO, multiply_tile, tile_kernel, tile_width
from pycaffelite.kernels.tasks import run, task

_DEPTH = 256  # steps of one tile: its operands stay in the first-level cache


@dataclass(frozen=True)
class Machine:
    """The limits of the machine with the threads in use.

    Attributes:
        flops: Float32 operations a second, a multiply-add being two.
        bandwidth: Bytes a second that are read and written when a large array changes in place. (A copy shows less:
            most processors read what they are about to overwrite.)
    """

    flops: float
    bandwidth: float

    def seconds(self, flops: float, size: float) -> float:
        """Return the least time for so many operations and bytes: the roofline."""
        return max(flops / self.flops, size / self.bandwidth)


def measure_machine(*, streamed: int = 1 << 26, rounds: int = 2000, repeats: int = 5) -> Machine:
    """Measure both limits: each the best of some short runs.

    Args:
        streamed: Bytes of the array that changes in place.
        rounds: Tiles that each thread computes in one run.
        repeats: How many runs.
    """
    flops = max(multiply_add_rate(rounds) for _ in range(repeats))
    array = np.ones(streamed // 4, np.float32)
    return Machine(flops, max(stream_rate(array) for _ in range(repeats)))


def multiply_add_rate(rounds: int) -> float:
    """Return the operations a second of the matrix micro-kernel on all threads, its operands in cache."""
    threads, width, dtype = int(numba.get_num_threads()), tile_width(np.float32), "float32"
    a = np.zeros(threads * MAX_HEIGHT * _DEPTH, np.float32)
    b = np.zeros(threads * width * _DEPTH, np.float32)
    c = np.zeros(threads * MAX_HEIGHT * width, np.float32)
    numbers = np.array([tile_kernel(dtype, MAX_HEIGHT), _DEPTH, MAX_HEIGHT, width, rounds], np.int64)
    run(_spin, threads, (a, b, c), np.array([*numbers[:-1], 1], np.int64))
    begin = time.perf_counter()
    run(_spin, threads, (a, b, c), numbers)
    return 2.0 * threads * rounds * MAX_HEIGHT * width * _DEPTH / (time.perf_counter() - begin)


def stream_rate(array: Array) -> float:
    """Negate a flat array in place on all threads; return the bytes read and written a second."""
    threads = int(numba.get_num_threads())
    numbers = np.array([threads, array.size], np.int64)
    begin = time.perf_counter()
    run(_negate, threads, (array,), numbers)
    return 2.0 * array.nbytes / (time.perf_counter() - begin)


@task("fffff")
def _spin(
    number: int, _thread: int, a: Array, b: Array, c: Array, _d: Array, _e: Array, g: npt.NDArray[np.int64]
) -> None:
    """Compute one tile again and again."""
    depth, height, width = g[1], g[2], g[3]
    for _ in range(g[4]):
        multiply_tile(g[0], depth, a, number * height * depth, 1, height, b, number * width * depth, width,
                      c, number * height * width, width, ZERO, c, 0)  # fmt: skip


@task("fffff")
def _negate(
    number: int, _thread: int, x: Array, _b: Array, _c: Array, _d: Array, _e: Array, g: npt.NDArray[np.int64]
) -> None:
    """Negate one part of the elements."""
    for i in range(g[1] * number // g[0], g[1] * (number + 1) // g[0]):
        x[i] = -x[i]
