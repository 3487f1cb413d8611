"""Parameter updates: what each solver type does to one parameter, in one fused pass.

All update kernels have the same arguments:

    data       (count)              in, out  the parameter
    diff       (count)              in, out  its summed gradient; afterwards the value that was subtracted from `data`
    history    (histories, count)   in, out  the solver's memory; row 0 is the first half of Caffe's history blobs
    constants  (8)                  in       SCALE, L2, RATE and what the rule itself needs

For element i, with g = SCALE * diff[i] + L2 * data[i], the rule makes a value u out of g and history; then diff[i] = u
and data[i] -= u. SCALE is clipping and the average over iter_size, L2 is weight decay times decay_mult, RATE is the
learning rate times lr_mult. Decay by L1 is rare and a pass of its own before: the sign would cost all others a third
of their speed.

Everything is computed in the element type, as Caffe does. Each rule is a serial loop over a range of elements, and a
parallel kernel over fixed ranges for large parameters: elements do not depend on each other, so both make the same
bits. A range is cut out first, since a loop vectorises only where Numba knows that no index is negative. Cost: one
read and one write of each array.
"""

from __future__ import annotations

import math

import numpy as np

from pycaffelite.kernels._jit import CHUNKS, Array, kernel, prange

CONSTANTS = 8
SCALE, L2, RATE, A, B, C, D, E = range(CONSTANTS)  # A to E: see each rule


@kernel()
def sgd(data: Array, diff: Array, history: Array, constants: Array, begin: int, end: int) -> None:
    """Momentum: h = A h + RATE g, u = h. A: momentum."""
    scale, l2 = constants[SCALE], constants[L2]
    rate, momentum = constants[RATE], constants[A]
    data, diff, first = data[begin:end], diff[begin:end], history[0, begin:end]
    for i in range(data.size):
        x = data[i]
        gradient = diff[i] * scale + l2 * x
        value = momentum * first[i] + rate * gradient
        first[i] = value
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
    scale, l2 = constants[SCALE], constants[L2]
    rate, momentum, ahead = constants[RATE], constants[A], constants[B]
    data, diff, first = data[begin:end], diff[begin:end], history[0, begin:end]
    for i in range(data.size):
        x = data[i]
        gradient = diff[i] * scale + l2 * x
        before = first[i]
        after = momentum * before + rate * gradient
        value = ahead * after - momentum * before
        first[i] = after
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
    scale, l2 = constants[SCALE], constants[L2]
    rate, delta = constants[RATE], constants[A]
    data, diff, first = data[begin:end], diff[begin:end], history[0, begin:end]
    for i in range(data.size):
        x = data[i]
        gradient = diff[i] * scale + l2 * x
        squares = first[i] + gradient * gradient
        value = rate * (gradient / (math.sqrt(squares) + delta))
        first[i] = squares
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
    scale, l2 = constants[SCALE], constants[L2]
    rate, delta, decay, rest = constants[RATE], constants[A], constants[B], constants[C]
    data, diff, first = data[begin:end], diff[begin:end], history[0, begin:end]
    for i in range(data.size):
        x = data[i]
        gradient = diff[i] * scale + l2 * x
        squares = decay * first[i] + rest * (gradient * gradient)
        value = rate * (gradient / (math.sqrt(squares) + delta))
        first[i] = squares
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
    scale, l2 = constants[SCALE], constants[L2]
    rate, delta, decay, rest = constants[RATE], constants[A], constants[B], constants[C]
    data, diff, first = data[begin:end], diff[begin:end], history[0, begin:end]
    second = history[1, begin:end]
    for i in range(data.size):
        x = data[i]
        gradient = diff[i] * scale + l2 * x
        squares = decay * first[i] + rest * (gradient * gradient)
        updates = second[i]
        step = gradient * math.sqrt((updates + delta) / (squares + delta))
        value = rate * step
        first[i] = squares
        second[i] = decay * updates + rest * (step * step)
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
    scale, l2 = constants[SCALE], constants[L2]
    rate, delta, beta1, beta2 = constants[RATE], constants[A], constants[B], constants[C]
    rest1, rest2 = constants[D], constants[E]
    data, diff, first = data[begin:end], diff[begin:end], history[0, begin:end]
    second = history[1, begin:end]
    for i in range(data.size):
        x = data[i]
        gradient = diff[i] * scale + l2 * x
        mean = beta1 * first[i] + rest1 * gradient
        squares = beta2 * second[i] + rest2 * (gradient * gradient)
        value = rate * (mean / (math.sqrt(squares) + delta))
        first[i] = mean
        second[i] = squares
        diff[i] = value
        data[i] = x - value


@kernel(parallel=True)
def adam_parallel(data: Array, diff: Array, history: Array, constants: Array) -> None:
    """Run `adam` over all elements on several threads."""
    for chunk in prange(CHUNKS):
        adam(data, diff, history, constants, data.size * chunk // CHUNKS, data.size * (chunk + 1) // CHUNKS)


@kernel()
def decay_l1(data: Array, diff: Array, scale: float, l1: float) -> None:
    """Scale the gradient and add L1 decay: diff = scale diff + l1 sign(data). Serial; both arrays are (count)."""
    for i in range(data.size):
        diff[i] = diff[i] * scale + l1 * np.sign(data[i])


@kernel()
def sum_of_squares(x: Array, begin: int, end: int) -> float:
    """Return the sum of x[i]^2 over a range of a 1-D array, accumulated in double precision."""
    x = x[begin:end]
    total = 0.0
    for i in range(x.size):
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
