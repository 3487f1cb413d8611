"""Parameter updates: what each solver type does to parameters, in one fused pass.

All rules are tasks, for `joined_update`, and have the same arguments, flat:

    data       (count)  in, out  the parameter
    diff       (count)  in, out  its summed gradient; afterwards the value that was subtracted from `data`
    history    (count)  in, out  the solver's memory: the first half of Caffe's history blobs
    second     (count)  in, out  the second half, for rules that have one
    constants  (8)      in       SCALE, L2, RATE and what the rule itself needs
    g          (1)      in       count

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
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from pycaffelite.kernels._jit import Array, kernel, prange
from pycaffelite.kernels.flat import MOST_TASKS, run_flat, span, tasks_for
from pycaffelite.kernels.joined import Call, Joined
from pycaffelite.kernels.tasks import Task, task

Numbers = npt.NDArray[np.int64]

CONSTANTS = 8
SCALE, L2, RATE, A, B, C, D, E = range(CONSTANTS)  # A to E: see each rule


def joined_update(rule: Task, parameters: Sequence[tuple[Array, Array, Array, Array, Array]]) -> Joined:
    """Return the run that updates parameters, each given as the five arrays that a rule of this module takes.

    All elements together are cut into tasks of one length, wherever a parameter ends.
    """
    count = sum(arrays[0].size for arrays in parameters)
    tasks = tasks_for(count)
    return Joined([list(_calls(rule, parameters, count * n // tasks, count * (n + 1) // tasks)) for n in range(tasks)])


def _calls(
    rule: Task, parameters: Sequence[tuple[Array, Array, Array, Array, Array]], begin: int, end: int
) -> Iterator[Call]:
    """Yield the calls for some elements, counted through all parameters."""
    for *arrays, constants in parameters:
        size = arrays[0].size
        first, last = max(begin, 0), min(end, size)
        if first < last:
            yield Call(rule, (*(a[first:last] for a in arrays), constants), np.array([last - first]))
        begin, end = begin - size, end - size


@task("fffff")
def sgd(
    _number: int, _thread: int, data: Array, diff: Array, history: Array, _second: Array, constants: Array, g: Numbers
) -> None:
    """Momentum: h = A h + RATE g, u = h. A: momentum."""
    scale, l2 = constants[SCALE], constants[L2]
    rate, momentum = constants[RATE], constants[A]
    for i in range(g[0]):
        x = data[i]
        gradient = diff[i] * scale + l2 * x
        value = momentum * history[i] + rate * gradient
        history[i] = value
        diff[i] = value
        data[i] = x - value


@task("fffff")
def nesterov(
    _number: int, _thread: int, data: Array, diff: Array, history: Array, _second: Array, constants: Array, g: Numbers
) -> None:
    """Nesterov's momentum: h' = A h + RATE g, u = (1 + A) h' - A h. A: momentum; B: 1 + momentum."""
    scale, l2 = constants[SCALE], constants[L2]
    rate, momentum, ahead = constants[RATE], constants[A], constants[B]
    for i in range(g[0]):
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
    _number: int, _thread: int, data: Array, diff: Array, history: Array, _second: Array, constants: Array, g: Numbers
) -> None:
    """AdaGrad: h = h + g^2, u = RATE g / (sqrt(h) + A). A: delta."""
    scale, l2 = constants[SCALE], constants[L2]
    rate, delta = constants[RATE], constants[A]
    for i in range(g[0]):
        x = data[i]
        gradient = diff[i] * scale + l2 * x
        squares = history[i] + gradient * gradient
        value = rate * (gradient / (math.sqrt(squares) + delta))
        history[i] = squares
        diff[i] = value
        data[i] = x - value


@task("fffff")
def rmsprop(
    _number: int, _thread: int, data: Array, diff: Array, history: Array, _second: Array, constants: Array, g: Numbers
) -> None:
    """RMSProp: h = B h + C g^2, u = RATE g / (sqrt(h) + A). A: delta; B: rms_decay; C: 1 - rms_decay."""
    scale, l2 = constants[SCALE], constants[L2]
    rate, delta, decay, rest = constants[RATE], constants[A], constants[B], constants[C]
    for i in range(g[0]):
        x = data[i]
        gradient = diff[i] * scale + l2 * x
        squares = decay * history[i] + rest * (gradient * gradient)
        value = rate * (gradient / (math.sqrt(squares) + delta))
        history[i] = squares
        diff[i] = value
        data[i] = x - value


@task("fffff")
def adadelta(
    _number: int, _thread: int, data: Array, diff: Array, history: Array, second: Array, constants: Array, g: Numbers
) -> None:
    """AdaDelta: h = B h + C g^2, v = g sqrt((s + A) / (h + A)), s = B s + C v^2, u = RATE v.

    A: delta; B: momentum; C: 1 - momentum. `history` is h, `second` is s.
    """
    scale, l2 = constants[SCALE], constants[L2]
    rate, delta, decay, rest = constants[RATE], constants[A], constants[B], constants[C]
    for i in range(g[0]):
        x = data[i]
        gradient = diff[i] * scale + l2 * x
        squares = decay * history[i] + rest * (gradient * gradient)
        updates = second[i]
        step = gradient * math.sqrt((updates + delta) / (squares + delta))
        value = rate * step
        history[i] = squares
        second[i] = decay * updates + rest * (step * step)
        diff[i] = value
        data[i] = x - value


@task("fffff")
def adam(
    _number: int, _thread: int, data: Array, diff: Array, history: Array, second: Array, constants: Array, g: Numbers
) -> None:
    """Adam: m = B m + D g, v = C v + E g^2, u = RATE m / (sqrt(v) + A).

    A: delta; B: momentum; C: momentum2; D: 1 - B; E: 1 - C; RATE includes the bias correction. `history` is m and
    `second` is v.
    """
    scale, l2 = constants[SCALE], constants[L2]
    rate, delta, beta1, beta2 = constants[RATE], constants[A], constants[B], constants[C]
    rest1, rest2 = constants[D], constants[E]
    for i in range(g[0]):
        x = data[i]
        gradient = diff[i] * scale + l2 * x
        mean = beta1 * history[i] + rest1 * gradient
        squares = beta2 * second[i] + rest2 * (gradient * gradient)
        value = rate * (mean / (math.sqrt(squares) + delta))
        history[i] = mean
        second[i] = squares
        diff[i] = value
        data[i] = x - value


@task("fffff")
def adamw(
    _number: int, _thread: int, data: Array, diff: Array, history: Array, second: Array, constants: Array, g: Numbers
) -> None:
    """Adam with decay apart from the gradient: m = B m + D g, v = C v + E g^2, u = RATE m / (sqrt(v) + A) + L2 data.

    As `adam`, but g = SCALE * diff, and L2 includes the learning rate.
    """
    scale, l2 = constants[SCALE], constants[L2]
    rate, delta, beta1, beta2 = constants[RATE], constants[A], constants[B], constants[C]
    rest1, rest2 = constants[D], constants[E]
    for i in range(g[0]):
        x = data[i]
        gradient = diff[i] * scale
        mean = beta1 * history[i] + rest1 * gradient
        squares = beta2 * second[i] + rest2 * (gradient * gradient)
        value = rate * (mean / (math.sqrt(squares) + delta)) + l2 * x
        history[i] = mean
        second[i] = squares
        diff[i] = value
        data[i] = x - value


@task("fffff")
def add_squares(
    _number: int, _thread: int, x: Array, before: Array, total: Array, _d: Array, _e: Array, g: Numbers
) -> None:
    """Write before[0] and the sum of x[i]^2 to total[0], for so many places i, so far apart, as the numbers of g say.

    Finite where all are finite and none is so large that its square is not.
    """
    found = before[0]
    count, step = g[0], g[1]
    if step == 1:  # the compiler makes vectors only of this one
        for i in range(count):
            found += x[i] * x[i]
    else:
        for i in range(count):
            found += x[i * step] * x[i * step]
    total[0] = found


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
