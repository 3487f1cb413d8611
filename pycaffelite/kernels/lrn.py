"""Local response normalization: sums over windows, and what is done with them.

With the sum q[i] of the squares in the window of element i, d[i] = k + a q[i] and p[i] = d[i]^-beta, forward is
y = x p and backward is dx = dy p - 2 a beta x w, where w[i] is the sum of dy x p / d over the window of i: windows are
symmetric, so the elements whose window holds i are those in the window of i. Flat arrays are of one length; all are
parallel over parts that do not depend on each other, so the bits do not depend on the number of threads.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from pycaffelite.kernels._jit import Array, kernel, prange
from pycaffelite.kernels.flat import span
from pycaffelite.kernels.tasks import Task, run, task
from pycaffelite.kernels.workspace import most_threads, workspace

Numbers = npt.NDArray[np.int64]

_FEW = 128  # positions that are worked on together, at least: their channels stay in the second cache
_CACHE_BYTES = 512 * 1024  # of all channels of an image, which stay there too
_MANY = 8  # images, so that each of them may be one piece of work
_CHANNELS, _INNER, _REACH, _USUAL, _KEEP, _COLUMNS, _EACH = range(2, 9)
_K, _A, _EXPONENT, _FACTOR, _ONE, _START = range(
    6
)  # places in the scratch memory: constants, and where the rest begins


def forward_across(x: Array, size: int, k: float, a: float, beta: float, divisor: Array, y: Array) -> None:
    """Write d[n,c,s] = k + a (sum of x[n,j,s]^2 over the existing channels j from c - size // 2 to c + size // 2).

    And y = x d^-beta. Parallel over blocks of positions; `size` products and additions an element.

    Args:
        x: (N, C, S), in.
        size: Channels of a window, odd.
        k, a, beta: Numbers in the formula.
        divisor: (N * C * S,), out: d; or of no length, where nobody wants it.
        y: (N, C, S), out.
    """
    arrays = (x.reshape(-1), y.reshape(-1), divisor)
    _run_blocks(_across, x.shape, arrays, (k, a, -beta, 0, 1), (size // 2, beta == 0.75, divisor.size > 0))


def backward_across(x: Array, size: int, a: float, beta: float, divisor: Array, dy: Array, dx: Array) -> None:
    """Write dx = dy d^-beta - 2 a beta x (sum of dy x d^(-beta - 1) over the window), for d of `forward_across`.

    x, dy (in), dx (out): (N, C, S); divisor (in): (N * C * S,).
    """
    arrays = (x.reshape(-1), divisor, dy.reshape(-1), dx.reshape(-1))
    _run_blocks(_across_backward, x.shape, arrays, (0, 0, -beta, 2 * a * beta, 1), (size // 2, beta == 0.75, 0))


def _run_blocks(
    work: Task, shape: tuple[int, ...], arrays: tuple[Array, ...], constants: tuple[float, ...], more: tuple[int, ...]
) -> None:
    """Run a task over all blocks of positions; the last array is scratch memory, with the constants at its start."""
    outer, channels, inner = shape
    # Memory is read faster in long runs than in short ones.
    whole = outer >= _MANY and channels * inner * arrays[0].itemsize <= _CACHE_BYTES
    columns = inner if whole else _FEW
    blocks = outer * -(-inner // columns)
    each = (channels + 1) * columns
    scratch = workspace(arrays[0].dtype, _START + each * most_threads())
    scratch[:_START] = constants
    run(
        work,
        min(64, blocks),
        (*arrays, scratch),
        np.array((min(64, blocks), blocks, *shape[1:], *more, columns, each), np.int64),
    )


@kernel(inner=True)
def _powers(scratch: Array, source: int, target: int, count: int, usual: int) -> None:
    """Write d^-beta of a row; the usual exponent, 3/4, is done with two square roots, which vector units have."""
    if usual:
        one = scratch[_ONE]  # of the arrays' type, which a literal is not
        for i in range(count):
            root = math.sqrt(scratch[source + i])
            scratch[target + i] = one / (root * math.sqrt(root))
    else:
        exponent = scratch[_EXPONENT]
        for i in range(count):
            scratch[target + i] = scratch[source + i] ** exponent


@kernel(inner=True)
def _block(block: int, g: Numbers) -> tuple[int, int]:
    """Return where a block begins in the array, and how many positions it has."""
    columns = g[_COLUMNS]
    blocks = (g[_INNER] + columns - 1) // columns
    n, first = block // blocks, block % blocks * columns
    return n * g[_CHANNELS] * g[_INNER] + first, min(columns, g[_INNER] - first)


@task("fffff")
def _across(
    number: int, thread: int, x: Array, y: Array, divisor: Array, scratch: Array, _e: Array, g: Numbers
) -> None:
    begin, end = span(number, g)
    channels, inner, reach = g[_CHANNELS], g[_INNER], g[_REACH]
    k, a = scratch[_K], scratch[_A]
    at = _START + thread * g[_EACH]
    power = at + g[_COLUMNS]
    for block in range(begin, end):
        start, count = _block(block, g)
        for c in range(channels):
            for i in range(count):
                scratch[at + i] = 0
            for j in range(max(0, c - reach), min(channels, c + reach + 1)):
                for i in range(count):
                    scratch[at + i] += x[start + j * inner + i] * x[start + j * inner + i]
            for i in range(count):
                scratch[at + i] = k + a * scratch[at + i]
            row = start + c * inner
            if g[_KEEP]:
                for i in range(count):
                    divisor[row + i] = scratch[at + i]
            _powers(scratch, at, power, count, g[_USUAL])
            for i in range(count):
                y[row + i] = x[row + i] * scratch[power + i]


@task("fffff")
def _across_backward(
    number: int, thread: int, x: Array, divisor: Array, dy: Array, dx: Array, scratch: Array, g: Numbers
) -> None:
    begin, end = span(number, g)
    channels, inner, reach = g[_CHANNELS], g[_INNER], g[_REACH]
    factor = scratch[_FACTOR]
    at = _START + thread * g[_EACH]
    columns = g[_COLUMNS]
    spare = at + channels * columns
    for block in range(begin, end):
        start, count = _block(block, g)
        for c in range(channels):  # dx holds dy d^-beta, the scratch what is to be summed
            row, own = start + c * inner, at + c * columns
            for i in range(count):
                scratch[own + i] = divisor[row + i]
            _powers(scratch, own, spare, count, g[_USUAL])
            for i in range(count):
                dx[row + i] = dy[row + i] * scratch[spare + i]
            for i in range(count):
                scratch[own + i] = dx[row + i] * x[row + i] / scratch[own + i]
        for c in range(channels):
            row = start + c * inner
            for i in range(count):
                scratch[spare + i] = 0
            for j in range(max(0, c - reach), min(channels, c + reach + 1)):
                for i in range(count):
                    scratch[spare + i] += scratch[at + j * columns + i]
            for i in range(count):
                dx[row + i] -= factor * x[row + i] * scratch[spare + i]


@kernel(parallel=True)
def square(x: Array, squares: Array) -> None:
    """Write squares[i] = x[i]^2, flat."""
    for i in prange(x.size):
        squares[i] = x[i] * x[i]


@kernel(parallel=True)
def sum_within(values: Array, size: int, rows: Array, sums: Array) -> None:
    """Write sums[p,h,w] = sum of values[p,i,j] over the size x size window around (h, w), clipped at the borders.

    values (in), rows (scratch: the sums along w), sums (out): (P, H, W). Parallel over planes; 2 `size` additions an
    element.
    """
    height, width, reach = values.shape[1], values.shape[2], size // 2
    for p in prange(values.shape[0]):
        for h in range(height):
            for w in range(width):
                rows[p, h, w] = 0
            for shift in range(-reach, reach + 1):
                for w in range(max(0, -shift), min(width, width - shift)):
                    rows[p, h, w] += values[p, h, w + shift]
        for h in range(height):
            for w in range(width):
                sums[p, h, w] = 0
            for i in range(max(0, h - reach), min(height, h + reach + 1)):
                for w in range(width):
                    sums[p, h, w] += rows[p, i, w]


@kernel(parallel=True)
def forward(x: Array, sums: Array, k: float, a: float, beta: float, divisor: Array, power: Array, y: Array) -> None:
    """Write divisor = k + a sums, power = divisor^-beta and y = x power, all flat.

    The usual exponent, 3/4, is done with two square roots, which vector units have; others cost a power an element.
    """
    base, factor, exponent = x.dtype.type(k), x.dtype.type(a), x.dtype.type(-beta)
    one = x.dtype.type(1)
    if beta == 0.75:
        for i in prange(x.size):
            d = base + factor * sums[i]
            root = math.sqrt(d)
            p = one / (root * math.sqrt(root))
            divisor[i] = d
            power[i] = p
            y[i] = x[i] * p
    else:
        for i in prange(x.size):
            d = base + factor * sums[i]
            p = d**exponent
            divisor[i] = d
            power[i] = p
            y[i] = x[i] * p


@kernel(parallel=True)
def weighted_ratio(x: Array, divisor: Array, power: Array, dy: Array, ratio: Array) -> None:
    """Write ratio = dy x power / divisor, flat."""
    for i in prange(x.size):
        ratio[i] = dy[i] * x[i] * power[i] / divisor[i]


@kernel(parallel=True)
def backward(x: Array, power: Array, sums: Array, factor: float, dy: Array, dx: Array) -> None:
    """Write dx = dy power - factor x sums, flat, with the window sums of `weighted_ratio` and factor = 2 a beta."""
    f = x.dtype.type(factor)
    for i in prange(x.size):
        dx[i] = dy[i] * power[i] - f * x[i] * sums[i]
