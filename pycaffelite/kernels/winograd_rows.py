"""Rows of pixels to and from planes that hold one number of each tile side by side, written in LLVM IR.

A tile begins `step` pixels after the one before, so pixel c of every tile is every step-th pixel from the c-th on.
Serial, a run of tiles at a time: of eight for steps of 2, of four for steps of 4. Nothing is read or written outside
the row: places beyond it are zero. With the JIT off the same names are plain Python.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from pycaffelite.kernels._jit import JIT_ENABLED, Array
from pycaffelite.kernels.vectors import Vectors, element, word

RUN2, RUN4 = 8, 4  # tiles, for steps of 2 and of 4
SQUARE = 8  # side of what is transposed

_I32 = ir.IntType(32)
_get_function: Any = cgutils.get_or_insert_function


class _Masked:
    """Writes loads and stores of those lanes whose place in a row exists."""

    def __init__(self, builder: Any, run: int) -> None:
        self.builder, self.run = builder, run
        self.emit = Vectors(builder, 4, run)

    def within(self, first: Any, length: Any, lanes: int) -> Any:
        """Return which of first, first + 1, first + 2 ... are at least 0 and less than length."""
        kind = ir.VectorType(_I32, lanes)
        start, limit = (self.spread(self.builder.trunc(value, _I32), lanes) for value in (first, length))
        places = self.builder.add(start, ir.Constant(kind, list(range(lanes))))
        return self.builder.icmp_unsigned("<", places, limit)

    def spread(self, value: Any, lanes: int) -> Any:
        nothing = ir.Constant(ir.VectorType(value.type, lanes), ir.Undefined)
        first = self.builder.insert_element(nothing, value, ir.Constant(_I32, 0))
        return self.emit.shuffle(first, nothing, [0] * lanes)

    def load(self, base: Any, offset: Any, mask: Any) -> Any:
        """Load a vector; masked lanes are zero."""
        lanes = mask.type.count
        kind = ir.VectorType(self.emit.scalar, lanes)
        pointer = self.builder.bitcast(self.builder.gep(base, [offset]), kind.as_pointer())
        signature = ir.FunctionType(kind, [pointer.type, _I32, mask.type, kind])
        function = _get_function(self.builder.module, signature, f"llvm.masked.load.v{lanes}f32.p0")
        return self.builder.call(function, [pointer, ir.Constant(_I32, 4), mask, ir.Constant(kind, [0.0] * lanes)])

    def store(self, value: Any, base: Any, offset: Any, mask: Any) -> None:
        """Store a vector but for masked lanes."""
        pointer = self.builder.bitcast(self.builder.gep(base, [offset]), value.type.as_pointer())
        signature = ir.FunctionType(ir.VoidType(), [value.type, pointer.type, _I32, mask.type])
        function = _get_function(self.builder.module, signature, f"llvm.masked.store.v{value.type.count}f32.p0")
        self.builder.call(function, [value, pointer, ir.Constant(_I32, 4), mask])

    def weave(self, parts: list[Any]) -> Any:
        """Return the elements of two or four vectors in turn."""
        joined, ways = parts, len(parts)
        while len(joined) > 1:
            joined = [
                self.emit.shuffle(a, b, list(range(2 * a.type.count)))
                for a, b in zip(joined[::2], joined[1::2], strict=True)
            ]
        order = [way * self.run + i for i in range(self.run) for way in range(ways)]
        return self.emit.shuffle(joined[0], joined[0], order)


def _deal_of(step: int, columns: int, run: int) -> Any:
    """Make an intrinsic that writes, for each c < columns, pixel c of `run` tiles to target + c * plane."""

    @intrinsic
    def deal(typing_context, row, row_at, first, length, target, target_at, plane):  # type: ignore[no-untyped-def]
        i = types.int64
        signature = types.void(row, i, i, i, target, i, i)

        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            own, kinds = _Masked(builder, run), signature.args
            source = element(context, builder, kinds[0], args[0], args[1])
            target = element(context, builder, kinds[4], args[4], args[5])
            count = step * run if columns == step else 2 * step * run
            pixels = own.load(source, args[2], own.within(args[2], args[3], count))
            for c in range(columns):
                every = own.emit.shuffle(pixels, pixels, list(range(c, c + step * run, step)))
                own.emit.store(every, target, builder.mul(word(c), args[6]))
            return context.get_dummy_value()

        return signature, generate

    return deal


def _weave_of(step: int, run: int) -> Any:
    """Make an intrinsic that writes step * run outputs, at most `left`, from planes of each step-th."""

    @intrinsic
    def weave(typing_context, planes, planes_at, plane, row, row_at, left):  # type: ignore[no-untyped-def]
        i = types.int64
        signature = types.void(planes, i, i, row, i, i)

        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            own, kinds = _Masked(builder, run), signature.args
            source = element(context, builder, kinds[0], args[0], args[1])
            row = element(context, builder, kinds[3], args[3], args[4])
            parts = [own.emit.load(source, builder.mul(word(c), args[2])) for c in range(step)]
            own.store(own.weave(parts), row, word(0), own.within(word(0), args[5], step * run))
            return context.get_dummy_value()

        return signature, generate

    return weave


def _gather_of(step: int, side: int, run: int) -> Any:
    """Make an intrinsic that writes what tiles give to step * run pixels of a row, or adds it where `add` is not 0.

    planes, at, plane: the planes hold what each tile gives to its pixel (k, c), `side` planes for each k; the first one
    meant is that of pixel (k, 0), k < step, in the tile rows that begin k rows above; the others are those of k + step
    and so on in the tile rows before, which lie `before` places earlier each; all those rows must exist.
    m, across: the first tile, and how many there are. row, row_at, first, length: the row, which of its
    pixels the first one is (negative: padding), and how many it has.
    """

    @intrinsic
    def gather(  # type: ignore[no-untyped-def]
        typing_context, planes, at, plane, before, m, across, row, row_at, first, length, add
    ):
        i = types.int64
        signature = types.void(planes, i, i, i, i, i, row, i, i, i, i)

        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            own, kinds = _Masked(builder, run), signature.args
            source = element(context, builder, kinds[0], args[0], args[1])
            row = element(context, builder, kinds[6], args[6], args[7])
            plane, before, m, across = args[2:6]
            first, length, add = args[8:]
            tiles = [builder.sub(m, word(back)) for back in range(side // step)]
            masks = [own.within(tile, across, run) for tile in tiles]
            totals: list[Any] = [None] * step
            for c in range(side):
                for term in range(side // step):
                    start = builder.mul(word(term * step * side + c), plane)
                    start = builder.sub(builder.add(start, tiles[c // step]), builder.mul(word(term), before))
                    value, total = own.load(source, start, masks[c // step]), totals[c % step]
                    totals[c % step] = value if total is None else builder.fadd(total, value)
            pixels, mask = own.weave(totals), own.within(first, length, step * run)
            with builder.if_else(builder.icmp_signed("!=", add, word(0))) as (adding, writing):
                with adding:
                    own.store(builder.fadd(own.load(row, first, mask), pixels), row, first, mask)
                with writing:
                    own.store(pixels, row, first, mask)
            return context.get_dummy_value()

        return signature, generate

    return gather


@intrinsic
def _emit_transpose(typing_context, source, source_at, source_row, target, target_at, target_row):  # type: ignore[no-untyped-def]
    """Write SQUARE x SQUARE numbers transposed."""
    i = types.int64
    signature = types.void(source, i, i, target, i, i)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        emit, kinds = Vectors(builder, 4, SQUARE), signature.args
        source = element(context, builder, kinds[0], args[0], args[1])
        target = element(context, builder, kinds[3], args[3], args[4])
        rows = [emit.load(source, builder.mul(word(k), args[2])) for k in range(SQUARE)]
        width = 1
        while width < SQUARE:  # exchange squares of this width across the diagonal
            upper = [lane + (SQUARE - width if lane & width else 0) for lane in range(SQUARE)]
            lower = [lane + (SQUARE if lane & width else width) for lane in range(SQUARE)]
            for k in range(SQUARE):
                if not k & width:
                    a, b = rows[k], rows[k + width]
                    rows[k], rows[k + width] = emit.shuffle(a, b, upper), emit.shuffle(a, b, lower)
            width *= 2
        for k, row in enumerate(rows):
            emit.store(row, target, builder.mul(word(k), args[5]))
        return context.get_dummy_value()

    return signature, generate


def _transpose_slowly(
    source: Array, source_at: int, source_row: int, target: Array, target_at: int, target_row: int
) -> None:
    places = np.arange(SQUARE)
    block = source[source_at + source_row * places[:, None] + places]
    target[target_at + target_row * places[:, None] + places] = block.T


def _deal_slowly(step: int, columns: int, run: int) -> Any:
    def deal(row: Array, row_at: int, first: int, length: int, target: Array, target_at: int, plane: int) -> None:
        for c in range(columns):
            for tile in range(run):
                column = first + c + step * tile
                target[target_at + c * plane + tile] = row[row_at + column] if 0 <= column < length else 0

    return deal


def _weave_slowly(step: int, run: int) -> Any:
    def weave(planes: Array, planes_at: int, plane: int, row: Array, row_at: int, left: int) -> None:
        for column in range(min(step * run, left)):
            row[row_at + column] = planes[planes_at + column % step * plane + column // step]

    return weave


def _gather_slowly(step: int, side: int, run: int) -> Any:
    def gather(
        planes: Array, at: int, plane: int, before: int, m: int, across: int, row: Array, row_at: int, first: int,
        length: int, add: int,
    ) -> None:  # fmt: skip
        for column in range(step * run):
            total = np.float32(0)
            for c in range(column % step, side, step):
                for term in range(side // step):
                    tile = m + column // step - c // step
                    if 0 <= tile < across:
                        total += planes[at + (term * step * side + c) * plane - term * before + tile]
            if 0 <= first + column < length:
                row[row_at + first + column] = total + (row[row_at + first + column] if add else 0)

    return gather


_deal: Any = _deal_of if JIT_ENABLED else _deal_slowly
_weave: Any = _weave_of if JIT_ENABLED else _weave_slowly
_gather: Any = _gather_of if JIT_ENABLED else _gather_slowly

deal_pixels2, weave2 = _deal(2, 6, RUN2), _weave(2, RUN2)
deal_pixels4, deal_outputs4, gather4 = _deal(4, 8, RUN4), _deal(4, 4, RUN4), _gather(4, 8, RUN4)
transpose: Any = _emit_transpose if JIT_ENABLED else _transpose_slowly
