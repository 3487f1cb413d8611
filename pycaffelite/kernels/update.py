"""Parameter updates: what each solver type does to one parameter, in one fused pass.

All update kernels have the same arguments:

    data       (count)              in, out  the parameter
    diff       (count)              in, out  its summed gradient; afterwards the value that was subtracted from `data`
    history    (histories, count)   in, out  the solver's memory; row 0 is the first half of Caffe's history blobs
    constants  (9)                  in       SCALE, L2, L1, RATE and what the rule itself needs

For element i, with g = SCALE * diff[i] + L2 * data[i] + L1 * sign(data[i]), the rule makes a value u out of g and
history; then diff[i] = u and data[i] -= u. SCALE is clipping and the average over iter_size, L2 and L1 are weight
decay times decay_mult, RATE is the learning rate times lr_mult.

Everything is computed in the element type, as Caffe does. Each rule is a serial loop over a range of elements, and a
parallel kernel over fixed ranges for large parameters: elements do not depend on each other, so both make the same
bits. Cost: one read of diff and one read and write of each array.
"""

from __future__ import annotations

import math

import numpy as np

from pycaffelite.kernels._jit import CHUNKS, Array, kernel, prange

CONSTANTS = 9
SCALE, L2, L1, RATE, A, B, C, D, E = range(CONSTANTS)  # A to E: see each rule


@kernel()
def sgd(data: Array, diff: Array, history: Array, constants: Array, begin: int, end: int) -> None:
    """Momentum: h = A h + RATE g, u = h. A: momentum."""
    scale, l2, l1 = constants[SCALE], constants[L2], constants[L1]
    rate, momentum = constants[RATE], constants[A]
    for i in range(begin, end):
        x = data[i]
        gradient = diff[i] * scale + l2 * x + l1 * np.sign(x)
        value = momentum * history[0, i] + rate * gradient
        history[0, i] = value
        diff[i] = value
        data[i] = x - value


@kernel(parallel=True)
def sgd_parallel(data: Array, diff: Array, history: Array, constants: Array) -> None:
    """Run `sgd` over all elements on several threads."""
    for chunk in prange(CHUNKS):
        sgd(data, diff, history, constants, data.size * chunk // CHUNKS, data.size * (chunk + 1) // CHUNKS)


@kernel()
def nesterov(data: Array, diff: Array, history: Array, constants: Array, begin: int, end: int) -> None:
    """Nesterov's momentum: h' = A h + RATE g, u = (1 + A) h' - A h. A: momentum; B: 1 + momentum."""
    scale, l2, l1 = constants[SCALE], constants[L2], constants[L1]
    rate, momentum, ahead = constants[RATE], constants[A], constants[B]
    for i in range(begin, end):
        x = data[i]
        gradient = diff[i] * scale + l2 * x + l1 * np.sign(x)
        before = history[0, i]
        after = momentum * before + rate * gradient
        value = ahead * after - momentum * before
        history[0, i] = after
        diff[i] = value
        data[i] = x - value


@kernel(parallel=True)
def nesterov_parallel(data: Array, diff: Array, history: Array, constants: Array) -> None:
    """Run `nesterov` over all elements on several threads."""
    for chunk in prange(CHUNKS):
        nesterov(data, diff, history, constants, data.size * chunk // CHUNKS, data.size * (chunk + 1) // CHUNKS)


@kernel()
def adagrad(data: Array, diff: Array, history: Array, constants: Array, begin: int, end: int) -> None:
    """AdaGrad: h = h + g^2, u = RATE g / (sqrt(h) + A). A: delta."""
    scale, l2, l1 = constants[SCALE], constants[L2], constants[L1]
    rate, delta = constants[RATE], constants[A]
    for i in range(begin, end):
        x = data[i]
        gradient = diff[i] * scale + l2 * x + l1 * np.sign(x)
        squares = history[0, i] + gradient * gradient
        value = rate * (gradient / (math.sqrt(squares) + delta))
        history[0, i] = squares
        diff[i] = value
        data[i] = x - value


@kernel(parallel=True)
def adagrad_parallel(data: Array, diff: Array, history: Array, constants: Array) -> None:
    """Run `adagrad` over all elements on several threads."""
    for chunk in prange(CHUNKS):
        adagrad(data, diff, history, constants, data.size * chunk // CHUNKS, data.size * (chunk + 1) // CHUNKS)


@kernel()
def rmsprop(data: Array, diff: Array, history: Array, constants: Array, begin: int, end: int) -> None:
    """RMSProp: h = B h + C g^2, u = RATE g / (sqrt(h) + A). A: delta; B: rms_decay; C: 1 - rms_decay."""
    scale, l2, l1 = constants[SCALE], constants[L2], constants[L1]
    rate, delta, decay, rest = constants[RATE], constants[A], constants[B], constants[C]
    for i in range(begin, end):
        x = data[i]
        gradient = diff[i] * scale + l2 * x + l1 * np.sign(x)
        squares = decay * history[0, i] + rest * (gradient * gradient)
        value = rate * (gradient / (math.sqrt(squares) + delta))
        history[0, i] = squares
        diff[i] = value
        data[i] = x - value


@kernel(parallel=True)
def rmsprop_parallel(data: Array, diff: Array, history: Array, constants: Array) -> None:
    """Run `rmsprop` over all elements on several threads."""
    for chunk in prange(CHUNKS):
        rmsprop(data, diff, history, constants, data.size * chunk // CHUNKS, data.size * (chunk + 1) // CHUNKS)


@kernel()
def adadelta(data: Array, diff: Array, history: Array, constants: Array, begin: int, end: int) -> None:
    """AdaDelta: h = B h + C g^2, v = g sqrt((s + A) / (h + A)), s = B s + C v^2, u = RATE v.

    A: delta; B: momentum; C: 1 - momentum. Row 0 of history is h, row 1 is s.
    """
    scale, l2, l1 = constants[SCALE], constants[L2], constants[L1]
    rate, delta, decay, rest = constants[RATE], constants[A], constants[B], constants[C]
    for i in range(begin, end):
        x = data[i]
        gradient = diff[i] * scale + l2 * x + l1 * np.sign(x)
        squares = decay * history[0, i] + rest * (gradient * gradient)
        updates = history[1, i]
        step = gradient * math.sqrt((updates + delta) / (squares + delta))
        value = rate * step
        history[0, i] = squares
        history[1, i] = decay * updates + rest * (step * step)
        diff[i] = value
        data[i] = x - value


@kernel(parallel=True)
def adadelta_parallel(data: Array, diff: Array, history: Array, constants: Array) -> None:
    """Run `adadelta` over all elements on several threads."""
    for chunk in prange(CHUNKS):
        adadelta(data, diff, history, constants, data.size * chunk // CHUNKS, data.size * (chunk + 1) // CHUNKS)


@kernel()
def adam(data: Array, diff: Array, history: Array, constants: Array, begin: int, end: int) -> None:
    """Adam: m = B m + D g, v = C v + E g^2, u = RATE m / (sqrt(v) + A).

    A: delta; B: momentum; C: momentum2; D: 1 - B; E: 1 - C; RATE includes the bias correction. Rows of history: m, v.
    """
    scale, l2, l1 = constants[SCALE], constants[L2], constants[L1]
    rate, delta, beta1, beta2 = constants[RATE], constants[A], constants[B], constants[C]
    rest1, rest2 = constants[D], constants[E]
    for i in range(begin, end):
        x = data[i]
        gradient = diff[i] * scale + l2 * x + l1 * np.sign(x)
        mean = beta1 * history[0, i] + rest1 * gradient
        squares = beta2 * history[1, i] + rest2 * (gradient * gradient)
        value = rate * (mean / (math.sqrt(squares) + delta))
        history[0, i] = mean
        history[1, i] = squares
        diff[i] = value
        data[i] = x - value


@kernel(parallel=True)
def adam_parallel(data: Array, diff: Array, history: Array, constants: Array) -> None:
    """Run `adam` over all elements on several threads."""
    for chunk in prange(CHUNKS):
        adam(data, diff, history, constants, data.size * chunk // CHUNKS, data.size * (chunk + 1) // CHUNKS)


@kernel()
def sum_of_squares(x: Array, begin: int, end: int) -> float:
    """Return the sum of x[i]^2 over a range of a 1-D array, accumulated in double precision."""
    total = 0.0
    for i in range(begin, end):
        value = np.float64(x[i])
        total += value * value
    return total


@kernel(parallel=True)
def sums_of_squares(x: Array, sums: Array) -> None:
    """Write the sum of x[i]^2 over each of len(sums) fixed ranges of a 1-D array; the caller adds them in order.

    x: (count), in; sums: (CHUNKS), float64, out.
    """
    for chunk in prange(sums.size):
        sums[chunk] = sum_of_squares(x, x.size * chunk // sums.size, x.size * (chunk + 1) // sums.size)
