"""Parameter updates: what each solver type does to one parameter, in one fused pass.

All rules are tasks, for `apply`, and have the same arguments, flat:

    data       (count)              in, out  the parameter
    diff       (count)              in, out  its summed gradient; afterwards the value that was subtracted from `data`
    history    (histories * count)  in, out  the solver's memory; row 0 is the first half of Caffe's history blobs
    constants  (8)                  in       SCALE, L2, RATE and what the rule itself needs

For element i, with g = SCALE * diff[i] + L2 * data[i], the rule makes a value u out of g and history; then diff[i] = u
and data[i] -= u. SCALE is clipping and the average over iter_size, L2 is weight decay times decay_mult, RATE is the
learning rate times lr_mult. Decay by L1 is rare and a pass of its own before: the sign would cost all others a third
of their speed.

`adamw` is the exception: its L2 includes RATE, and goes to u instead of g.

Everything is computed in the element type, as Caffe does. Parallel over elements. Cost: one read and one write of each
array; bound by memory.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from pycaffelite.kernels._jit import Array, kernel, prange
from pycaffelite.kernels.flat import COUNT, MOST_TASKS, run_flat, span
from pycaffelite.kernels.tasks import Task, task

Numbers = npt.NDArray[np.int64]

CONSTANTS = 8
SCALE, L2, RATE, A, B, C, D, E = range(CONSTANTS)  # A to E: see each rule


def apply(rule: Task, data: Array, diff: Array, history: Array, constants: Array) -> None:
    """Update one parameter by a rule of this module."""
    run_flat(rule, data.size, (data, diff, history, constants))


@task("fffff")
def sgd(
    number: int, _thread: int, data: Array, diff: Array, history: Array, constants: Array, _e: Array, g: Numbers
) -> None:
    """Momentum: h = A h + RATE g, u = h. A: momentum."""
    scale, l2 = constants[SCALE], constants[L2]
    rate, momentum = constants[RATE], constants[A]
    begin, end = span(number, g)
    for i in range(begin, end):
        x = data[i]
        gradient = diff[i] * scale + l2 * x
        value = momentum * history[i] + rate * gradient
        history[i] = value
        diff[i] = value
        data[i] = x - value


@task("fffff")
def nesterov(
    number: int, _thread: int, data: Array, diff: Array, history: Array, constants: Array, _e: Array, g: Numbers
) -> None:
    """Nesterov's momentum: h' = A h + RATE g, u = (1 + A) h' - A h. A: momentum; B: 1 + momentum."""
    scale, l2 = constants[SCALE], constants[L2]
    rate, momentum, ahead = constants[RATE], constants[A], constants[B]
    begin, end = span(number, g)
    for i in range(begin, end):
        x = data[i]
        gradient = diff[i] * scale + l2 * x
        before = history[i]
        after = momentum * before + rate * gradient
        value = ahead * after - momentum * before
        history[i] = after
        diff[i] = value
        data[i] = x - value


@task("fffff")
def adagrad(
    number: int, _thread: int, data: Array, diff: Array, history: Array, constants: Array, _e: Array, g: Numbers
) -> None:
    """AdaGrad: h = h + g^2, u = RATE g / (sqrt(h) + A). A: delta."""
    scale, l2 = constants[SCALE], constants[L2]
    rate, delta = constants[RATE], constants[A]
    begin, end = span(number, g)
    for i in range(begin, end):
        x = data[i]
        gradient = diff[i] * scale + l2 * x
        squares = history[i] + gradient * gradient
        value = rate * (gradient / (math.sqrt(squares) + delta))
        history[i] = squares
        diff[i] = value
        data[i] = x - value


@task("fffff")
def rmsprop(
    number: int, _thread: int, data: Array, diff: Array, history: Array, constants: Array, _e: Array, g: Numbers
) -> None:
    """RMSProp: h = B h + C g^2, u = RATE g / (sqrt(h) + A). A: delta; B: rms_decay; C: 1 - rms_decay."""
    scale, l2 = constants[SCALE], constants[L2]
    rate, delta, decay, rest = constants[RATE], constants[A], constants[B], constants[C]
    begin, end = span(number, g)
    for i in range(begin, end):
        x = data[i]
        gradient = diff[i] * scale + l2 * x
        squares = decay * history[i] + rest * (gradient * gradient)
        value = rate * (gradient / (math.sqrt(squares) + delta))
        history[i] = squares
        diff[i] = value
        data[i] = x - value


@task("fffff")
def adadelta(
    number: int, _thread: int, data: Array, diff: Array, history: Array, constants: Array, _e: Array, g: Numbers
) -> None:
    """AdaDelta: h = B h + C g^2, v = g sqrt((s + A) / (h + A)), s = B s + C v^2, u = RATE v.

    A: delta; B: momentum; C: 1 - momentum. Row 0 of history is h, row 1 is s.
    """
    scale, l2 = constants[SCALE], constants[L2]
    rate, delta, decay, rest = constants[RATE], constants[A], constants[B], constants[C]
    begin, end = span(number, g)
    second = g[COUNT]
    for i in range(begin, end):
        x = data[i]
        gradient = diff[i] * scale + l2 * x
        squares = decay * history[i] + rest * (gradient * gradient)
        updates = history[second + i]
        step = gradient * math.sqrt((updates + delta) / (squares + delta))
        value = rate * step
        history[i] = squares
        history[second + i] = decay * updates + rest * (step * step)
        diff[i] = value
        data[i] = x - value


@task("fffff")
def adam(
    number: int, _thread: int, data: Array, diff: Array, history: Array, constants: Array, _e: Array, g: Numbers
) -> None:
    """Adam: m = B m + D g, v = C v + E g^2, u = RATE m / (sqrt(v) + A).

    A: delta; B: momentum; C: momentum2; D: 1 - B; E: 1 - C; RATE includes the bias correction. Rows of history: m, v.
    """
    scale, l2 = constants[SCALE], constants[L2]
    rate, delta, beta1, beta2 = constants[RATE], constants[A], constants[B], constants[C]
    rest1, rest2 = constants[D], constants[E]
    begin, end = span(number, g)
    second = g[COUNT]
    for i in range(begin, end):
        x = data[i]
        gradient = diff[i] * scale + l2 * x
        mean = beta1 * history[i] + rest1 * gradient
        squares = beta2 * history[second + i] + rest2 * (gradient * gradient)
        value = rate * (mean / (math.sqrt(squares) + delta))
        history[i] = mean
        history[second + i] = squares
        diff[i] = value
        data[i] = x - value


@task("fffff")
def adamw(
    number: int, _thread: int, data: Array, diff: Array, history: Array, constants: Array, _e: Array, g: Numbers
) -> None:
    """Adam with decay apart from the gradient: m = B m + D g, v = C v + E g^2, u = RATE m / (sqrt(v) + A) + L2 data.

    As `adam`, but g = SCALE * diff, and L2 includes the learning rate.
    """
    scale, l2 = constants[SCALE], constants[L2]
    rate, delta, beta1, beta2 = constants[RATE], constants[A], constants[B], constants[C]
    rest1, rest2 = constants[D], constants[E]
    begin, end = span(number, g)
    second = g[COUNT]
    for i in range(begin, end):
        x = data[i]
        gradient = diff[i] * scale
        mean = beta1 * history[i] + rest1 * gradient
        squares = beta2 * history[second + i] + rest2 * (gradient * gradient)
        value = rate * (mean / (math.sqrt(squares) + delta)) + l2 * x
        history[i] = mean
        history[second + i] = squares
        diff[i] = value
        data[i] = x - value


@task("iifff")
def magnitude(
    number: int, _thread: int, bits: Numbers, largest: Numbers, _c: Array, _d: Array, _e: Array, g: Numbers
) -> None:
    """Write the largest absolute value of each task's elements, all as the bits of floats: those sort as integers do.

    What is infinite or no number comes out above every finite one. Integers, because a sum or a comparison of floats
    may lose a NaN on the way.
    """
    begin, end = span(number, g)
    sign = g[2]
    most = bits[begin] & ~bits[begin]
    for i in range(begin, end):
        most = max(most, bits[i] & sign)
    largest[number] = most


def largest_magnitude(x: Array) -> float:
    """Return the largest absolute value of a flat array; inf or nan where one of its elements is; 0 for no elements."""
    if not x.size:
        return 0.0
    found = np.zeros(MOST_TASKS, x.dtype)
    run_flat(magnitude, x.size, (x, found), np.iinfo(f"i{x.itemsize}").max)
    return float(found.view(f"i{x.itemsize}").max().view(x.dtype))


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
