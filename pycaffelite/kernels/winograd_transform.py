"""The three transforms of Winograd's convolution F(4 x 4, 3 x 3), many tiles side by side in vectors, in LLVM IR.

    Y = A' [(G g G') * (B' d B)] A        d: 6 x 6 pixels, g: 3 x 3 weights, Y: 4 x 4 outputs, * element by element

They evaluate polynomials at the points 0, ±3/4, ±3/2 and infinity. The usual points are 0, ±1, ±2: these here are as
cheap, their powers are exact in binary as well, and the error in float32 is a third, 3e-6 of the largest output for
512 channels (1.7e-6 when summed directly in order), and 7e-6 beside one pixel a thousand times the others. With the
JIT off the same names are plain Python.

Source: Lavin and Gray, Fast Algorithms for Convolutional Neural Networks, 2015; on the choice of points: Barabasz et
al., Error Analysis and Improving the Accuracy of Winograd Convolution, 2018.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types
from numba.extending import intrinsic

from pycaffelite.kernels._jit import JIT_ENABLED, Array
from pycaffelite.kernels.microkernel import VECTOR_BYTES
from pycaffelite.kernels.vectors import Vectors, element, word

LANES = VECTOR_BYTES // 4  # tiles, or outputs, side by side; float32 only
SIDE, STEP = 6, 4  # of a tile of pixels; from one tile to the next, and of a tile of outputs
PLANES = SIDE * SIDE
READ = STEP * LANES + STEP  # pixels of a row that `transform_pixels` reads

_A, _B = 0.75, 1.5  # the points
_AA, _BB = _A * _A, _B * _B
_NORMS = (_AA * _BB, 2 * _AA * (_AA - _BB), 2 * _BB * (_BB - _AA))  # at 0, at ±A, at ±B

TO_PIXELS = np.array(
    [
        [_AA * _BB, 0, -(_AA + _BB), 0, 1, 0],
        [0, -_A * _BB, -_BB, _A, 1, 0],
        [0, _A * _BB, -_BB, -_A, 1, 0],
        [0, -_B * _AA, -_AA, _B, 1, 0],
        [0, _B * _AA, -_AA, -_B, 1, 0],
        [0, _AA * _BB, 0, -(_AA + _BB), 0, 1],
    ]
)  # B'
TO_WEIGHTS = np.array(
    [
        [1 / _NORMS[0], 0, 0],
        *[[1 / norm, p / norm, p * p / norm] for norm, q in zip(_NORMS[1:], (_A, _B), strict=True) for p in (q, -q)],
        [0, 0, 1],
    ]
)  # G
TO_OUTPUTS = np.array(
    [[1, 1, 1, 1, 1, 0], *[[0, _A**k, (-_A) ** k, _B**k, (-_B) ** k, int(k == 3)] for k in (1, 2, 3)]]
)  # A'


class _Transforms:
    """Writes the transforms along one axis, on lists of vectors."""

    def __init__(self, builder: Any) -> None:
        self.emit = Vectors(builder, 4, LANES)
        self.builder = builder

    def fma(self, factor: float, value: Any, addend: Any) -> Any:
        return self.emit.multiply_add(self.emit.constant(factor), value, addend)

    def pair(self, even: Any, odd: Any) -> list[Any]:
        return [self.builder.fadd(even, odd), self.builder.fsub(even, odd)]

    def pixels(self, d: list[Any]) -> list[Any]:
        """Return B' d."""
        middle = []
        for point, other in ((_A, _BB), (_B, _AA)):
            odd = self.fma(-other * point, d[1], self.fma(point, d[3], None))
            middle += self.pair(self.fma(-other, d[2], d[4]), odd)
        ends = [
            self.fma(_AA * _BB, first, self.fma(-_AA - _BB, third, fifth)) for first, third, fifth in (d[0::2], d[1::2])
        ]
        return [ends[0], *middle, ends[1]]

    def weights(self, g: list[Any]) -> list[Any]:
        """Return G g."""
        middle = []
        for point, norm in ((_A, _NORMS[1]), (_B, _NORMS[2])):
            even = self.fma(1 / norm, g[0], self.fma(point * point / norm, g[2], None))
            middle += self.pair(even, self.fma(point / norm, g[1], None))
        return [self.fma(1 / _NORMS[0], g[0], None), *middle, g[2]]

    def outputs(self, m: list[Any]) -> list[Any]:
        """Return A' m."""
        (near, near_odd), (far, far_odd) = self.pair(m[1], m[2]), self.pair(m[3], m[4])
        return [
            self.builder.fadd(m[0], self.builder.fadd(near, far)),
            self.fma(_A, near_odd, self.fma(_B, far_odd, None)),
            self.fma(_AA, near, self.fma(_BB, far, None)),
            self.fma(_A**3, near_odd, self.fma(_B**3, far_odd, m[5])),
        ]

    def both(self, transform: Any, rows: list[list[Any]]) -> list[list[Any]]:
        """Apply a transform along the columns, then along the rows."""
        columns = [transform([row[j] for row in rows]) for j in range(len(rows[0]))]
        return [transform([column[i] for column in columns]) for i in range(len(columns[0]))]

    def columns(self, base: Any, start: Any) -> list[Any]:
        """Load the six columns of tiles side by side from one row of pixels."""
        count = STEP * LANES
        here = self.emit.load(base, start, count)
        further = self.emit.load(base, self.builder.add(start, word(STEP)), count)
        return [
            self.emit.shuffle(pixels, pixels, list(range(way, count, STEP)))
            for pixels, ways in ((here, range(STEP)), (further, range(SIDE - STEP)))
            for way in ways
        ]

    def join(self, parts: list[Any]) -> Any:
        """Return the elements of four vectors in turn: the reverse of what `columns` does."""
        pairs = [self.emit.shuffle(a, b, list(range(2 * LANES))) for a, b in (parts[:2], parts[2:])]
        order = [way * LANES + lane for lane in range(LANES) for way in range(STEP)]
        return self.emit.shuffle(pairs[0], pairs[1], order)


@intrinsic
def _emit_pixels(typing_context, x, x_at, x_row, target, target_at, pitch):  # type: ignore[no-untyped-def]
    """Write the PLANES vectors of LANES tiles side by side, `pitch` elements apart; see `_pixels_slowly`."""
    i = types.int64
    signature = types.void(x, i, i, target, i, i)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        own = _Transforms(builder)
        x = element(context, builder, signature.args[0], args[0], args[1])
        target = element(context, builder, signature.args[3], args[3], args[4])
        rows = [own.columns(x, builder.mul(word(row), args[2])) for row in range(SIDE)]
        for place, value in enumerate(value for row in own.both(own.pixels, rows) for value in row):
            own.emit.store(value, target, builder.mul(word(place), args[5]))
        return context.get_dummy_value()

    return signature, generate


@intrinsic
def _emit_weights(typing_context, w, w_at, w_row, target, target_at, pitch):  # type: ignore[no-untyped-def]
    """Write the PLANES vectors of LANES kernels side by side; see `_weights_slowly`."""
    i = types.int64
    signature = types.void(w, i, i, target, i, i)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        own = _Transforms(builder)
        w = element(context, builder, signature.args[0], args[0], args[1])
        target = element(context, builder, signature.args[3], args[3], args[4])
        rows = [
            [own.emit.load(w, builder.mul(word(3 * row + column), args[2])) for column in range(3)] for row in range(3)
        ]
        for place, value in enumerate(value for row in own.both(own.weights, rows) for value in row):
            own.emit.store(value, target, builder.mul(word(place), args[5]))
        return context.get_dummy_value()

    return signature, generate


@intrinsic
def _emit_outputs(typing_context, m, m_at, pitch, y, y_at, y_row, ending, ending_at):  # type: ignore[no-untyped-def]
    """Write STEP rows of STEP * LANES outputs; see `_outputs_slowly`."""
    i = types.int64
    signature = types.void(m, i, i, y, i, i, ending, i)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        own, kinds = _Transforms(builder), signature.args
        m = element(context, builder, kinds[0], args[0], args[1])
        y = element(context, builder, kinds[3], args[3], args[4])
        ending = element(context, builder, kinds[6], args[6], args[7])
        last = [own.emit.spread(ending, index) for index in range(3)]
        rows = [
            [own.emit.load(m, builder.mul(word(SIDE * row + column), args[2])) for column in range(SIDE)]
            for row in range(SIDE)
        ]
        for number, row in enumerate(own.both(own.outputs, rows)):
            finished = [own.emit.finish(value, *last) for value in row]
            own.emit.store(own.join(finished), y, builder.mul(word(number), args[5]))
        return context.get_dummy_value()

    return signature, generate


def _pixels_slowly(x: Array, x_at: int, x_row: int, target: Array, target_at: int, pitch: int) -> None:
    """Write B' d B of LANES tiles of pixels, STEP apart, each element to a row of its own."""
    lanes, side = np.arange(LANES), np.arange(SIDE)
    tiles = x[x_at + side[:, None, None] * x_row + side[:, None] + STEP * lanes]
    planes = np.einsum("ij,jkt,lk->ilt", TO_PIXELS, tiles, TO_PIXELS).reshape(PLANES, LANES)
    target[target_at + np.arange(PLANES)[:, None] * pitch + lanes] = planes


def _weights_slowly(w: Array, w_at: int, w_row: int, target: Array, target_at: int, pitch: int) -> None:
    """Write G g G' of LANES kernels, whose elements lie w_row apart."""
    lanes = np.arange(LANES)
    kernels = w[w_at + np.arange(9)[:, None] * w_row + lanes].reshape(3, 3, LANES)
    planes = np.einsum("ij,jkt,lk->ilt", TO_WEIGHTS, kernels, TO_WEIGHTS).reshape(PLANES, LANES)
    target[target_at + np.arange(PLANES)[:, None] * pitch + lanes] = planes


def _outputs_slowly(
    m: Array, m_at: int, pitch: int, y: Array, y_at: int, y_row: int, ending: Array, ending_at: int
) -> None:
    """Write act(scale A' m A + shift) of LANES tiles side by side; `ending` holds scale, shift and slope."""
    lanes = np.arange(LANES)
    planes = m[m_at + np.arange(PLANES)[:, None] * pitch + lanes].reshape(SIDE, SIDE, LANES)
    scale, shift, slope = ending[ending_at : ending_at + 3]
    tiles = np.einsum("ij,jkt,lk->itl", TO_OUTPUTS, planes, TO_OUTPUTS).reshape(STEP, -1) * scale + shift
    place = y_at + np.arange(STEP)[:, None] * y_row + np.arange(STEP * LANES)
    y[place] = np.where(tiles > 0, tiles, slope * tiles)


transform_pixels: Any = _emit_pixels if JIT_ENABLED else _pixels_slowly
transform_weights: Any = _emit_weights if JIT_ENABLED else _weights_slowly
transform_outputs: Any = _emit_outputs if JIT_ENABLED else _outputs_slowly
