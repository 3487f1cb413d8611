"""The maps of Winograd's convolution and of its two gradients, many tiles side by side in vectors, in LLVM IR.

    Y  = A' [(G g G') * (B' d B)] A                 d: a tile of pixels, g: the weights, Y: outputs, * place by place
    dd = B  [(G g G') * (A dY A')] B'               what the outputs' gradient dY gives to the pixels
    dg = G' [(A dY A') * (B' d B)] G                and to the weights

They evaluate polynomials at 0, infinity and pairs of points. These are the largest errors in float32, relative to the
largest y, dx and dw, for numbers around zero and up to 64 channels:

    F(2 x 2, 5 x 5)     0, ±3/4, ±3/2       7e-7   1e-6   4e-6
    F(4 x 4, 5 x 5)     0, ±1/2, ±1, ±2     4e-6   5e-6   7e-6      for gradients
    F(4 x 4, 3 x 3)     0, ±3/4, ±3/2       9e-7   2e-6   1e-6

With the points 0, ±1, ±2 for the first one they would be 3e-6, 4e-6 and 1e-5. Sums that hold one number a thousand
times the others lose more: the second one's dx is wrong by up to 3e-5 of the largest then.

One C function does all maps that a pass needs: fewer functions compile faster. With the JIT off it is plain Python.

Source: as for `winograd_transform`.
"""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import numba
import numpy as np
import numpy.typing as npt
from numba import types
from numba.extending import intrinsic

from pycaffelite.kernels._jit import JIT_ENABLED, Array
from pycaffelite.kernels.microkernel import VECTOR_BYTES
from pycaffelite.kernels.vectors import Vectors, call_address, word

LANES = VECTOR_BYTES // 4  # tiles, or channels, side by side; float32 only
_POINTS = {6: (0.75, 1.5), 8: (0.5, 1.0, 2.0)}  # by the side of a tile of pixels; and their negatives, 0 and infinity


class Form(NamedTuple):
    """F(step x step, taps x taps): the sides of a tile of outputs, and of the kernel."""

    step: int
    taps: int

    @property
    def side(self) -> int:
        """The side of a tile of pixels."""
        return self.step + self.taps - 1


# The maps. Each takes n x n vectors to m x m: vector (i, j) stands at (i // step) s[0] + (i % step) s[1] + j s[2] from
# the source's beginning, step being 1 but for FROM_PIXELS; the m x m are written s[3] elements apart. OUTPUTS scales,
# shifts and rectifies what it writes by the three numbers of `ending`.
FROM_PIXELS, FROM_OUTPUTS, FROM_WEIGHTS, TO_PIXELS, TO_OUTPUTS, TO_WEIGHTS = range(6)
_FORWARD = FROM_PIXELS, FROM_WEIGHTS, TO_OUTPUTS
_BACKWARD = FROM_PIXELS, FROM_OUTPUTS, FROM_WEIGHTS, TO_PIXELS, TO_WEIGHTS
STRIDES = 4

_KEPT: list[Any] = []  # machine code lives as long as the object that owns it
_ARGUMENTS = 5


def matrices(form: Form) -> dict[int, tuple[npt.NDArray[np.float64], bool]]:
    """Return the matrix of each map, and whether its rows stand for the points."""
    points = [0.0, *(sign * point for point in _POINTS[form.side] for sign in (1, -1))]
    others = [[q for q in points if q != p] for p in points]
    norms = [np.prod([p - q for q in rest]) for p, rest in zip(points, others, strict=True)]
    pixels = np.zeros((form.side, form.side))
    for row, roots in zip(pixels, [*others, points], strict=True):
        coefficients = np.poly(roots)[::-1]  # exact: all points are short binary fractions
        row[: len(coefficients)] = coefficients
    weights = np.zeros((form.side, form.taps))
    weights[:-1] = [[p**k / norm for k in range(form.taps)] for p, norm in zip(points, norms, strict=True)]
    outputs = np.zeros((form.side, form.step))
    outputs[:-1] = [[p**k for k in range(form.step)] for p in points]
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
def maps_kernel(form: Form, backward: bool) -> int:
    """Return the address of the C function that does the maps of the forward pass, or of the gradients."""
    if not JIT_ENABLED:
        return 10 * form.step + form.taps
    compiled: Any = _compile(*form, int(backward), LANES)
    _KEPT.append(compiled)
    return int(compiled.address)


def _compile(step: int, taps: int, backward: int, lanes: int) -> Any:
    # Five arguments go in registers, and the closure holds numbers only, so Numba can cache it.
    def change(which: int, source: int, strides: int, target: int, ending: int) -> None:
        _all_maps(step, taps, backward, lanes, which, source, strides, target, ending)

    return numba.cfunc(types.void(*[types.int64] * _ARGUMENTS), cache=True)(change)


class _Map:
    """Writes the code of one map."""

    def __init__(self, emit: Vectors, matrix: npt.NDArray[np.float64], points_in_rows: bool) -> None:
        self.emit, self.builder = emit, emit.builder
        self.matrix, self.points_in_rows = matrix, points_in_rows
        self.points = matrix.shape[0 if points_in_rows else 1]

    def apply(self, values: list[Any]) -> list[Any]:
        """Return the matrix times a vector of vectors; the two points of a pair share their even and odd parts."""
        matrix, pairs = self.matrix, [(p, p + 1) for p in range(1, self.points - 1, 2)]
        if self.points_in_rows:
            results = [self.sum(row, values) for row in matrix[[0, -1]]]
            for p, q in pairs:
                even = self.sum(np.where(matrix[p] == matrix[q], matrix[p], 0), values)
                odd = self.sum(np.where(matrix[p] != matrix[q], matrix[p], 0), values)
                results[-1:-1] = [self.builder.fadd(even, odd), self.builder.fsub(even, odd)]
            return results
        sums = [self.builder.fadd(values[p], values[q]) for p, q in pairs]
        differences = [self.builder.fsub(values[p], values[q]) for p, q in pairs]
        return [
            self.sum(
                row[[0, *(p for p, _ in pairs), -1]],
                [
                    values[0],
                    *(sums[k] if row[p] == row[q] else differences[k] for k, (p, q) in enumerate(pairs)),
                    values[-1],
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
def _emit_maps(  # type: ignore[no-untyped-def]
    typing_context, step, taps, backward, lanes, which, source, strides, target, ending
):
    """Emit the maps of a pass, of which `which` is done; the first four arguments are constants of the closure."""
    form = Form(step.literal_value, taps.literal_value)
    wanted = _BACKWARD if backward.literal_value else _FORWARD
    signature = types.void(step, taps, backward, lanes, *[types.int64] * _ARGUMENTS)

    def generate(context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        which, *rest = args[4:]
        done = builder.append_basic_block("done")
        choice = builder.switch(which, done)
        for number in wanted:
            block = builder.append_basic_block("map")
            choice.add_case(word(number), block)
            builder.position_at_end(block)
            own = _Map(Vectors(builder, 4, lanes.literal_value), *matrices(form)[number])
            _write_map(own, form.step if number == FROM_PIXELS else 1, number == TO_OUTPUTS, *rest)
            builder.branch(done)
        builder.position_at_end(done)
        return context.get_dummy_value()

    return signature, generate


_all_maps: Any = _emit_maps  # to a type checker an intrinsic still has its typing context


def _write_map(own: _Map, step: int, ends: bool, source: Any, strides: Any, target: Any, ending: Any) -> None:
    """Write the code of one map: along the columns, then along the rows."""
    emit, builder = own.emit, own.builder
    table = builder.inttoptr(strides, word(0).type.as_pointer())
    s = [builder.load(builder.gep(table, [word(k)])) for k in range(STRIDES)]
    source, target = emit.pointer(source), emit.pointer(target)
    rows, count = own.matrix.shape
    places = [builder.add(builder.mul(word(i // step), s[0]), builder.mul(word(i % step), s[1])) for i in range(count)]
    columns = []
    for j in range(count):
        own_place = builder.mul(word(j), s[2])
        columns.append(own.apply([emit.load(source, builder.add(place, own_place)) for place in places]))
    last = [emit.spread(emit.pointer(ending), index) for index in range(3)] if ends else []
    for i in range(rows):
        for j, value in enumerate(own.apply([column[i] for column in columns])):
            result = emit.finish(value, *last) if ends else value
            emit.store(result, target, builder.mul(word(i * rows + j), s[3]))


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
    form = Form(*divmod(address, 10))
    matrix, _ = matrices(form)[which]
    rows, columns = matrix.shape
    step = form.step if which == FROM_PIXELS else 1
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
