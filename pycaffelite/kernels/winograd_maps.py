"""The maps of Winograd's convolution and of its two gradients, many tiles side by side in vectors, in LLVM IR.

    Y  = A' [(G g G') * (B' d B)] A                 d: 6 x 6 pixels, g: the weights, Y: the outputs, * place by place
    dd = B  [(G g G') * (A dY A')] B'               what the outputs' gradient dY gives to the pixels
    dg = G' [(A dY A') * (B' d B)] G                and to the weights

F(2 x 2, 5 x 5) has tiles of 2 x 2 outputs, F(4 x 4, 3 x 3) of 4 x 4; both have 6 x 6 pixels and the points of
`winograd_transform`: 0, ±3/4, ±3/2 and infinity. For numbers around zero, the largest error in float32 is 7e-7 of the
largest y, 2e-6 of dx and 3e-6 of dw. (With the usual points 0, ±1, ±2 it is 3e-6, 4e-6 and 1e-5.)

One C function does the six maps of a form: fewer functions compile faster. With the JIT off it is plain Python.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numba
import numpy as np
import numpy.typing as npt
from numba import types
from numba.extending import intrinsic

from pycaffelite.kernels._jit import JIT_ENABLED, Array
from pycaffelite.kernels.microkernel import VECTOR_BYTES
from pycaffelite.kernels.vectors import Vectors, call_address, word

LANES = VECTOR_BYTES // 4  # tiles, or channels, side by side; float32 only
SIDE = 6  # pixels of a tile along each axis
PLANES = SIDE * SIDE
POINTS = (0.75, 1.5)  # and their negatives, 0 and infinity

# The maps. Each takes n x n vectors to m x m: vector (i, j) stands at (i // step) s[0] + (i % step) s[1] + j s[2] from
# the source's beginning, step being 1 but for FROM_PIXELS; the m x m are written s[3] elements apart. OUTPUTS scales,
# shifts and rectifies what it writes by the three numbers of `ending`.
FROM_PIXELS, FROM_OUTPUTS, FROM_WEIGHTS, TO_PIXELS, TO_OUTPUTS, TO_WEIGHTS = range(6)
STRIDES = 4

_KEPT: list[Any] = []  # machine code lives as long as the object that owns it
_ARGUMENTS = 5


def matrices(step: int) -> dict[int, tuple[npt.NDArray[np.float64], bool]]:
    """Return the matrix of each map for tiles of step x step outputs, and whether its rows stand for the points."""
    a, b = POINTS
    aa, bb, taps = a * a, b * b, SIDE + 1 - step
    points = (0, a, -a, b, -b)
    norms = [np.prod([p - q for q in points if q != p]) for p in points]
    pixels = np.array(
        [
            [aa * bb, 0, -(aa + bb), 0, 1, 0],
            *([0, -p * other, -other, p, 1, 0] for p, other in ((a, bb), (-a, bb), (b, aa), (-b, aa))),
            [0, aa * bb, 0, -(aa + bb), 0, 1],
        ]
    )
    weights = np.array(
        [*([p**k / norm for k in range(taps)] for p, norm in zip(points, norms, strict=True)), [0] * taps]
    )
    outputs = np.array([*([p**k for k in range(step)] for p in points), [0] * step], np.float64)
    weights[-1, -1] = outputs[-1, -1] = 1
    return {
        FROM_PIXELS: (pixels, True),
        FROM_OUTPUTS: (outputs, True),
        FROM_WEIGHTS: (weights, True),
        TO_PIXELS: (pixels.T, False),
        TO_OUTPUTS: (outputs.T, False),
        TO_WEIGHTS: (weights.T, False),
    }


@cache
def maps_kernel(step: int) -> int:
    """Return the address of the C function that does the maps for tiles of step x step outputs."""
    if not JIT_ENABLED:
        return step
    compiled: Any = _compile(step, LANES)
    _KEPT.append(compiled)
    return int(compiled.address)


def _compile(step: int, lanes: int) -> Any:
    # Five arguments go in registers, and the closure holds numbers only, so Numba can cache it.
    def change(which: int, source: int, strides: int, target: int, ending: int) -> None:
        _all_maps(step, lanes, which, source, strides, target, ending)

    return numba.cfunc(types.void(*[types.int64] * _ARGUMENTS), cache=True)(change)


class _Map:
    """Writes the code of one map."""

    def __init__(self, emit: Vectors, matrix: npt.NDArray[np.float64], points_in_rows: bool) -> None:
        self.emit, self.builder = emit, emit.builder
        self.matrix, self.points_in_rows = matrix, points_in_rows

    def both(self, rows: list[list[Any]]) -> list[list[Any]]:
        """Apply the matrix along the columns, then along the rows."""
        columns = [self.apply([row[j] for row in rows]) for j in range(len(rows[0]))]
        return [self.apply([column[i] for column in columns]) for i in range(len(columns[0]))]

    def apply(self, values: list[Any]) -> list[Any]:
        """Return the matrix times a vector of vectors; the two points of a pair share their even and odd parts."""
        matrix, pairs = self.matrix, ((1, 2), (3, 4))
        if self.points_in_rows:
            results = [self.sum(row, values) for row in matrix[[0, -1]]]
            for p, q in pairs:
                even = self.sum(np.where(matrix[p] == matrix[q], matrix[p], 0), values)
                odd = self.sum(np.where(matrix[p] != matrix[q], matrix[p], 0), values)
                results[-1:-1] = [self.builder.fadd(even, odd), self.builder.fsub(even, odd)]
            return results
        sums = [values[0], *(self.builder.fadd(values[p], values[q]) for p, q in pairs), values[-1]]
        differences = [self.builder.fsub(values[p], values[q]) for p, q in pairs]
        return [
            self.sum(
                row[[0, 1, 3, 5]],
                [
                    sums[0],
                    *(sums[1 + k] if row[p] == row[q] else differences[k] for k, (p, q) in enumerate(pairs)),
                    sums[-1],
                ],
            )
            for row in matrix
        ]

    def sum(self, factors: npt.NDArray[np.float64], values: list[Any]) -> Any:
        """Return the sum of factors times values, those with a factor of 1 first."""
        terms = sorted(
            ((float(f), value) for f, value in zip(factors, values, strict=True) if f), key=lambda term: term[0] != 1
        )
        factor, total = terms[0]
        if factor != 1:
            total = self.builder.fmul(self.emit.constant(factor), total)
        for factor, value in terms[1:]:
            if factor == 1:
                total = self.builder.fadd(total, value)
            else:
                total = self.emit.multiply_add(self.emit.constant(factor), value, total)
        return total


@intrinsic(prefer_literal=True)
def _emit_maps(typing_context, step, lanes, which, source, strides, target, ending):  # type: ignore[no-untyped-def]
    """Emit all maps, of which `which` is done; the first two arguments are constants of the closure."""
    sizes = step.literal_value, lanes.literal_value
    signature = types.void(step, lanes, *[types.int64] * _ARGUMENTS)

    def generate(context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        which, *rest = args[2:]
        done = builder.append_basic_block("done")
        choice = builder.switch(which, done)
        for number, (matrix, points_in_rows) in matrices(sizes[0]).items():
            block = builder.append_basic_block("map")
            choice.add_case(word(number), block)
            builder.position_at_end(block)
            own = _Map(Vectors(builder, 4, sizes[1]), matrix, points_in_rows)
            _write_map(own, sizes[0] if number == FROM_PIXELS else 1, number == TO_OUTPUTS, *rest)
            builder.branch(done)
        builder.position_at_end(done)
        return context.get_dummy_value()

    return signature, generate


_all_maps: Any = _emit_maps  # to a type checker an intrinsic still has its typing context


def _write_map(own: _Map, step: int, ends: bool, source: Any, strides: Any, target: Any, ending: Any) -> None:
    emit, builder = own.emit, own.builder
    table = builder.inttoptr(strides, word(0).type.as_pointer())
    s = [builder.load(builder.gep(table, [word(k)])) for k in range(STRIDES)]
    source, target = emit.pointer(source), emit.pointer(target)
    count = own.matrix.shape[1]
    rows = []
    for i in range(count):
        row = builder.add(builder.mul(word(i // step), s[0]), builder.mul(word(i % step), s[1]))
        rows.append([emit.load(source, builder.add(row, builder.mul(word(j), s[2]))) for j in range(count)])
    values = [value for row in own.both(rows) for value in row]
    if ends:
        last = [emit.spread(emit.pointer(ending), index) for index in range(3)]
        values = [emit.finish(value, *last) for value in values]
    for place, value in enumerate(values):
        emit.store(value, target, builder.mul(word(place), s[3]))


@intrinsic
def _change(typing_context, address, which, source, source_at, g, g_at, target, target_at, ending, ending_at):  # type: ignore[no-untyped-def]
    i = types.int64
    signature = types.void(i, i, source, i, g, i, target, i, ending, i)
    return signature, lambda context, builder, signature, args: call_address(
        context, builder, signature.args, args, (2, 4, 6, 8)
    )


def _change_slowly(
    address: int, which: int, source: Array, source_at: int, g: npt.NDArray[np.int64], g_at: int, target: Array,
    target_at: int, ending: Array, ending_at: int,
) -> None:  # fmt: skip
    """Do one map of LANES tiles side by side with NumPy; every index is checked."""
    matrix, _ = matrices(address)[which]
    rows, columns = matrix.shape
    step = address if which == FROM_PIXELS else 1
    s, i, lanes = g[g_at : g_at + STRIDES], np.arange(columns), np.arange(LANES)
    offsets = (i // step * s[0] + i % step * s[1])[:, None] + i * s[2]
    values = np.einsum("ij,jkt,lk->ilt", matrix, source[source_at + offsets[:, :, None] + lanes], matrix)
    if which == TO_OUTPUTS:
        scale, shift, slope = ending[ending_at : ending_at + 3]
        values = values * scale + shift
        values = np.where(values > 0, values, slope * values)
    places = target_at + np.arange(rows * rows)[:, None] * s[3] + lanes
    target[places] = values.reshape(rows * rows, LANES)


change: Any = _change if JIT_ENABLED else _change_slowly
