"""One time step of a layer of LSTM cells: gates, cells and hidden values of N sequences, and their gradients.

Index letters: n sequence, d cell. `gates` is (N, 4 D), in the order input, forget, output gate, new value; `cells` is
(2, N, D), before and after the step; `flow` is (N), 0 where a sequence begins and what came before is forgotten. All
arrays are flat. Parallel over sequences, which do not depend on each other: the bits do not depend on the number of
threads. Each loop has one stream of results, which is what compilers make vectors of.

    c'[n,d] = f c[n,d] + i g,  h[n,d] = o tanh(c'[n,d]),  f = flow[n] sigmoid(gate)
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from pycaffelite.kernels._jit import Array, kernel
from pycaffelite.kernels.exponential import negative_exp, negative_expm1
from pycaffelite.kernels.flat import span
from pycaffelite.kernels.tasks import Task, run, task

Numbers = npt.NDArray[np.int64]

_SEQUENCES, _CELLS = 1, 2
_WORTH = 1 << 11  # cells of a task: some twenty microseconds


def step_forward(gates: Array, cells: Array, flow: Array, hidden: Array) -> None:
    """Do one step.

    Args:
        gates: In: sums that the gates are functions of; out: the gates, f with flow.
        cells: First half in, second half out.
        flow: In.
        hidden: (N, D), out: h.
    """
    _run(_forward, (gates, cells, flow, hidden), flow.size, hidden.size)


def step_backward(gates: Array, cells: Array, dhidden: Array, dgates: Array, dcells: Array, sequences: int) -> None:
    """Go one step back.

    Args:
        gates: (N, 4 D), in: what `step_forward` left.
        cells: (2, N, D), in.
        dhidden: (N, D), in: the gradient of h.
        dgates: (N, 4 D), out: the gradient of the sums.
        dcells: (N, D), in: the gradient of c' that comes from later steps; out: that of c.
        sequences: N.
    """
    _run(_backward, (gates, cells, dhidden, dgates, dcells), sequences, dhidden.size)


def _run(work: Task, arrays: tuple[Array, ...], sequences: int, cells: int) -> None:
    if cells:
        tasks = max(1, min(sequences, cells // _WORTH))
        run(work, tasks, arrays, np.array((tasks, sequences, cells // sequences), np.int64))


@kernel(inner=True)
def _tanh(value: float) -> float:
    """Return the hyperbolic tangent."""
    less = negative_expm1(-2.0 * abs(value))
    return math.copysign(less / (2.0 + less), value)


@task("fffff")
def _forward(
    number: int, _thread: int, gates: Array, cells: Array, flow: Array, hidden: Array, _e: Array, g: Numbers
) -> None:
    begin, end = span(number, g)
    depth, half = g[_CELLS], g[_SEQUENCES] * g[_CELLS]
    for n in range(begin, end):
        i, f, o, v = 4 * n * depth, (4 * n + 1) * depth, (4 * n + 2) * depth, (4 * n + 3) * depth
        for k in range(i, i + 3 * depth):
            value = gates[k]
            e = negative_exp(-1.0 * abs(value))
            gates[k] = (e if value < 0 else 1.0) / (1.0 + e)
        for k in range(v, v + depth):
            gates[k] = _tanh(gates[k])
        if flow[n] == 0:
            for k in range(f, f + depth):
                gates[k] = 0  # not the product: what came before may be infinite
        elif flow[n] != 1:
            for k in range(f, f + depth):
                gates[k] *= flow[n]
        at = n * depth
        if flow[n] == 0:
            for k in range(depth):
                cells[half + at + k] = gates[i + k] * gates[v + k]
        else:
            for k in range(depth):
                cells[half + at + k] = gates[f + k] * cells[at + k] + gates[i + k] * gates[v + k]
        for k in range(depth):
            hidden[at + k] = gates[o + k] * _tanh(cells[half + at + k])


@task("fffff")
def _backward(
    number: int, _thread: int, gates: Array, cells: Array, dhidden: Array, dgates: Array, dcells: Array, g: Numbers
) -> None:
    begin, end = span(number, g)
    depth, half = g[_CELLS], g[_SEQUENCES] * g[_CELLS]
    for n in range(begin, end):
        i, f, o, v = 4 * n * depth, (4 * n + 1) * depth, (4 * n + 2) * depth, (4 * n + 3) * depth
        at = n * depth
        for k in range(depth):  # tanh(c') for now
            dgates[o + k] = _tanh(cells[half + at + k])
        for k in range(depth):
            bent = dgates[o + k]
            dcells[at + k] += dhidden[at + k] * gates[o + k] * (1 - bent * bent)
        for k in range(depth):
            dgates[o + k] = dhidden[at + k] * dgates[o + k] * gates[o + k] * (1 - gates[o + k])
        for k in range(depth):
            dgates[i + k] = dcells[at + k] * gates[v + k] * gates[i + k] * (1 - gates[i + k])
        for k in range(depth):
            dgates[f + k] = dcells[at + k] * cells[at + k] * gates[f + k] * (1 - gates[f + k])
        for k in range(depth):
            dgates[v + k] = dcells[at + k] * gates[i + k] * (1 - gates[v + k] * gates[v + k])
        for k in range(depth):
            dcells[at + k] *= gates[f + k]
