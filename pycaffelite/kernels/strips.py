"""Windows of 3 x 3 places that are two places apart, without padding: strips of a plane, several windows wide.

A strip is worked on from top to bottom, so what a line adds to the window above it and to the one below is found once,
and stays in vector registers. All arrays are flat; written in LLVM IR, and with the JIT off in plain Python.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from pycaffelite.kernels._jit import JIT_ENABLED, Array
from pycaffelite.kernels.lanes import Lanes
from pycaffelite.kernels.microkernel import VECTOR_BYTES

NARROW = 8  # windows of a strip
WIDE = 16 if VECTOR_BYTES == 64 else NARROW

_AHEAD = 4096  # bytes that a plane is asked for ahead: processors do not foresee the next page of memory

_variable: Any = cgutils.alloca_once


class _Strip(Lanes):
    """Writes code for one strip; lines and columns are those of the plane, rows are rows of windows."""

    def near_and_far(self, column: Any, width: Any) -> tuple[Any, Any]:
        """Return which of a line's places exist, from a column on, and from two columns further on."""
        far = self.builder.add(column, self.whole(2))
        return self.within(column, width, 2 * self.lanes), self.within(far, width, 2 * self.lanes)

    def columns(self, x: Any, at: Any, masks: tuple[Any, Any], otherwise: float) -> tuple[Any, Any, Any]:
        """Load the three columns of each window from a line, of which the masks tell what exists."""
        even, odd = list(range(0, 2 * self.lanes, 2)), list(range(1, 2 * self.lanes, 2))
        self.ask(x, at, 2 * self.lanes, _AHEAD)
        near = self.load(x, at, masks[0], otherwise)
        far = self.load(x, self.builder.add(at, self.whole(2)), masks[1], otherwise)
        return self.shuffle(near, near, even), self.shuffle(near, near, odd), self.shuffle(far, far, even)

    def woven(self, even: Any, odd: Any) -> Any:
        """Return a line of places from its even and its odd columns."""
        return self.shuffle(even, odd, [i // 2 + self.lanes * (i % 2) for i in range(2 * self.lanes)])

    def larger(self, a: tuple[Any, Any], b: tuple[Any, Any]) -> tuple[Any, Any]:
        """Return b, a value and its place, where it is larger, else a."""
        wins = self.builder.fcmp_ordered(">", b[0], a[0])
        return self.builder.select(wins, b[0], a[0]), self.builder.select(wins, b[1], a[1])

    def place(self, number: int) -> Any:
        """Return a vector of one place."""
        return ir.Constant(self.places, [number] * self.lanes)

    def further(self, places: Any, distance: Any) -> Any:
        """Return the places at some distance."""
        return self.builder.add(places, self.numbers(distance, self.places.element, 0))

    def variables(self, values: tuple[Any, ...]) -> list[Any]:
        """Return variables that hold these values."""
        places = [_variable(self.builder, value.type) for value in values]
        self.assign(places, values)
        return places

    def assign(self, variables: list[Any], values: tuple[Any, ...]) -> None:
        """Let the variables hold other values."""
        for place, value in zip(variables, values, strict=True):
            self.builder.store(value, place)

    def values(self, variables: list[Any]) -> tuple[Any, ...]:
        """Return what the variables hold."""
        return tuple(self.builder.load(place) for place in variables)


def _emit_max(emit: _Strip, args: Any, places: Any = None) -> None:
    """Emit what `_max_of` and `_argmax_of` make; places that nobody wants cost nothing."""
    builder, (x, at, height, width, y, y_at, rows, columns, first) = emit.builder, args
    column, last = builder.mul(first, emit.whole(2)), builder.sub(height, emit.whole(1))
    masks = emit.near_and_far(column, width)
    start, written = builder.add(at, column), emit.within(first, columns)

    def line(number: Any) -> tuple[Any, Any]:
        # A line that does not exist counts as the last one, which is in the window already.
        number = builder.select(builder.icmp_signed("<", number, last), number, last)
        one, two, three = emit.columns(x, builder.add(start, builder.mul(number, width)), masks, -np.inf)
        most = emit.larger((emit.numbers_only(one), emit.place(0)), (two, emit.place(1)))
        return emit.larger(most, (three, emit.place(2)))

    top = emit.variables(line(emit.whole(0)))
    with cgutils.for_range(builder, rows) as row:
        upper = builder.mul(row.index, emit.whole(2))
        most = emit.values(top)
        for k in (1, 2):
            value, place = found = line(builder.add(upper, emit.whole(k)))
            most = emit.larger(most, (value, emit.further(place, builder.mul(width, emit.whole(k)))))
        emit.assign(top, found)
        target = builder.add(builder.add(y_at, first), builder.mul(row.index, columns))
        emit.store(most[0], y, target, written)
        if places is not None:
            origin = emit.numbers(builder.add(builder.mul(upper, width), column), emit.places.element, 2)
            emit.store(builder.add(most[1], origin), places, target, written)


def _max_of(lanes: int) -> Any:
    """Make an intrinsic that writes the maxima of a strip.

    x, at, height, width: the plane begins at x[at]; y, y_at, rows, columns: likewise the outputs; first: the first
    window's number in its row.
    """

    @intrinsic
    def write_max(typing_context, x, at, height, width, y, y_at, rows, columns, first):  # type: ignore[no-untyped-def]
        i = types.int64
        signature = types.void(x, i, i, i, y, i, i, i, i)

        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            _emit_max(_Strip(context, builder, signature.args[0].dtype, lanes), args)
            return context.get_dummy_value()

        return signature, generate

    return write_max


def _argmax_of(lanes: int) -> Any:
    """Make an intrinsic as by `_max_of`, (..., places), that also writes the places of the maxima."""

    @intrinsic
    def write_argmax(typing_context, x, at, height, width, y, y_at, rows, columns, first, places):  # type: ignore[no-untyped-def]
        i = types.int64
        signature = types.void(x, i, i, i, y, i, i, i, i, places)

        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            _emit_max(_Strip(context, builder, signature.args[0].dtype, lanes), args[:-1], args[-1])
            return context.get_dummy_value()

        return signature, generate

    return write_argmax


def _mean_of(lanes: int) -> Any:
    """Make an intrinsic as by `_max_of` that writes the means of what exists of each window."""

    @intrinsic
    def write_mean(typing_context, x, at, height, width, y, y_at, rows, columns, first):  # type: ignore[no-untyped-def]
        i = types.int64
        signature = types.void(x, i, i, i, y, i, i, i, i)

        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            x, at, height, width, y, y_at, rows, columns, first = args
            emit = _Strip(context, builder, signature.args[0].dtype, lanes)
            column = builder.mul(first, emit.whole(2))
            masks = emit.near_and_far(column, width)
            start, written = builder.add(at, column), emit.within(first, columns)
            whole, clipped = _divisors(emit, first, height, width, rows)

            def line(number: Any) -> Any:
                exists = builder.icmp_signed("<", number, height)
                number = builder.select(exists, number, emit.whole(0))
                one, two, three = emit.columns(x, builder.add(start, builder.mul(number, width)), masks, 0.0)
                return builder.select(exists, builder.fadd(builder.fadd(one, two), three), emit.constant(0.0))

            top = emit.variables((line(emit.whole(0)),))
            with cgutils.for_range(builder, rows) as row:
                upper = builder.mul(row.index, emit.whole(2))
                middle, low = (line(builder.add(upper, emit.whole(k))) for k in (1, 2))
                total = builder.fadd(builder.fadd(emit.values(top)[0], middle), low)
                emit.assign(top, (low,))
                last = builder.icmp_signed("==", builder.add(row.index, emit.whole(1)), rows)
                target = builder.add(builder.add(y_at, first), builder.mul(row.index, columns))
                emit.store(builder.fdiv(total, builder.select(last, clipped, whole)), y, target, written)
            return context.get_dummy_value()

        return signature, generate

    return write_mean


def _divisors(emit: _Strip, first: Any, height: Any, width: Any, rows: Any) -> tuple[Any, Any]:
    """Emit the places of windows: of those that have all lines, and of those in the last row."""
    builder, three = emit.builder, emit.whole(3)
    room = emit.numbers(builder.sub(width, builder.mul(first, emit.whole(2))), emit.places.element, -2)
    wide = builder.select(builder.icmp_signed("<", room, emit.place(3)), room, emit.place(3))
    wide = builder.select(builder.icmp_signed(">", wide, emit.place(1)), wide, emit.place(1))  # of no window: any
    left = builder.sub(height, builder.mul(builder.sub(rows, emit.whole(1)), emit.whole(2)))
    high = builder.select(builder.icmp_signed("<", left, three), left, three)
    last = builder.mul(wide, emit.numbers(high, emit.places.element, 0))
    return builder.sitofp(builder.mul(wide, emit.place(3)), emit.vector), builder.sitofp(last, emit.vector)


def _share_of(lanes: int) -> Any:
    """Make an intrinsic that writes the gradient of means for a strip of a plane.

    dy, dy_at, rows, columns: the outputs' gradients begin at dy[dy_at]; dx, at, height, width: likewise the plane;
    first: the window that begins at the first column of the strip.
    """

    @intrinsic
    def write_shares(typing_context, dy, dy_at, rows, columns, dx, at, height, width, first):  # type: ignore[no-untyped-def]
        i = types.int64
        signature = types.void(dy, i, i, i, dx, i, i, i, i)

        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            _dy, _dy_at, rows, _columns, _dx, _at, height, width, first = args
            emit = _Strip(context, builder, signature.args[0].dtype, lanes)
            factors = []
            for start in _starts(emit, first):
                divisors = _divisors(emit, start, height, width, rows)
                factors.append([builder.fdiv(emit.constant(1.0), one) for one in divisors])

            def lines(row: Any, values: Any, above: Any, _places: Any) -> tuple[Any, ...]:
                last = builder.icmp_signed("==", builder.add(row, emit.whole(1)), rows)
                here, before = parts = tuple(
                    builder.fmul(value, builder.select(last, clipped, whole))
                    for value, (whole, clipped) in zip(values, factors, strict=True)
                )
                both, both_before = (builder.fadd(a, b) for a, b in zip(above, parts, strict=True))
                even = emit.woven(builder.fadd(both_before, both), both)
                return parts, even, emit.woven(builder.fadd(before, here), here)

            _write_lines(emit, args, (), lines)
            return context.get_dummy_value()

        return signature, generate

    return write_shares


def _spread_of(lanes: int, past_caches: bool = False) -> Any:
    """Make an intrinsic as by `_share_of`, (..., places), that writes the gradient of maxima at those places.

    past_caches: Whether strips fill lines of the plane, and those fill cache lines, which are written past the caches.
    """

    @intrinsic
    def write_spread(typing_context, dy, dy_at, rows, columns, dx, at, height, width, first, places):  # type: ignore[no-untyped-def]
        i = types.int64
        signature = types.void(dy, i, i, i, dx, i, i, i, i, places)

        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            emit, width = _Strip(context, builder, signature.args[0].dtype, lanes), args[7]

            def lines(row: Any, values: Any, above: Any, even: Any) -> tuple[Any, ...]:
                here, before = zip(values[:2], values[2:], strict=True)
                over, over_before = zip(above[:2], above[2:], strict=True)
                odd, below = builder.add(even, emit.place(1)), emit.further(even, width)
                beside = builder.add(below, emit.place(1))
                upper = _hits(emit, even, (over_before, over, before, here)), _hits(emit, odd, (over, here))
                lower = _hits(emit, below, (before, here)), _hits(emit, beside, (here,))
                return values, emit.woven(*upper), emit.woven(*lower)

            _write_lines(emit, args[:-1], args[-1:], lines, past_caches)
            return context.get_dummy_value()

        return signature, generate

    return write_spread


def _hits(emit: _Strip, places: Any, windows: Any) -> Any:
    """Return the sum of the values of those windows whose place is this, in their order."""
    total = emit.constant(0.0)
    for number, (value, chosen) in enumerate(windows):
        hit = emit.builder.icmp_signed("==", chosen, places)
        total = emit.builder.select(hit, emit.builder.fadd(total, value) if number else value, total)
    return total


def _starts(emit: _Strip, first: Any) -> tuple[Any, Any]:
    """Return the numbers of the first window of a strip, and of the one before it, which reaches into the strip."""
    return first, emit.builder.sub(first, emit.whole(1))


def _write_lines(emit: _Strip, args: Any, places: Any, lines: Any, past_caches: bool = False) -> None:
    """Write the loop over pairs of lines of a plane.

    args: those of the intrinsic made by `_share_of`; places: nothing, or the array of places.
    lines: a function of the row of windows that begins at a pair, the row's values, those of the row above, and the
        places in even columns of the upper line; it returns what is to be handed on as values of the row above, and
        both lines. Values: dy of the windows that begin in a column, and of those before them; likewise their places.
    """
    builder, (dy, dy_at, rows, columns, dx, at, height, width, first) = emit.builder, args
    starts, column = _starts(emit, first), builder.mul(first, emit.whole(2))
    masks = [emit.within(start, columns) for start in starts]
    written = None if past_caches else emit.within(column, width, 2 * emit.lanes)
    nothing = (emit.constant(0.0),) * 2 + (emit.place(0),) * (2 * len(places))
    above = emit.variables(nothing)

    def write_pair(row: Any, values: Any) -> None:
        upper = builder.mul(row, emit.whole(2))
        origin = builder.add(builder.mul(upper, width), column)
        for line in () if past_caches else (origin, builder.add(origin, width)):
            emit.ask(dx, builder.add(at, line), 2 * emit.lanes, _AHEAD, write=True)
        handed, *pair = lines(row, values, emit.values(above), emit.numbers(origin, emit.places.element, 2))
        emit.assign(above, handed)
        emit.store(pair[0], dx, builder.add(at, origin), written)
        with builder.if_then(builder.icmp_signed("<", builder.add(upper, emit.whole(1)), height), likely=True):
            emit.store(pair[1], dx, builder.add(builder.add(at, origin), width), written)

    with cgutils.for_range(builder, rows) as row:
        source = builder.add(dy_at, builder.mul(row.index, columns))
        write_pair(row.index, tuple(
            emit.load(array, builder.add(source, start), mask, 0)
            for array in (dy, *places) for start, mask in zip(starts, masks, strict=True)
        ))  # fmt: skip
    pairs = builder.ashr(builder.add(height, emit.whole(1)), emit.whole(1))
    with cgutils.for_range(builder, builder.sub(pairs, rows)) as rest:  # below the last row of windows
        write_pair(builder.add(rows, rest.index), nothing)


def _window(row: int, column: int, height: int, width: int) -> Array:
    lines, columns = np.arange(2 * row, min(height, 2 * row + 3)), np.arange(2 * column, min(width, 2 * column + 3))
    return (lines[:, None] * width + columns).reshape(-1)


def _argmax_slowly(lanes: int) -> Any:
    def write_argmax(
        x: Array, at: int, height: int, width: int, y: Array, y_at: int, rows: int, columns: int, first: int,
        places: Array | None = None,
    ) -> None:  # fmt: skip
        for row, column in np.ndindex(rows, min(lanes, columns - first)):
            window, target = _window(row, first + column, height, width), y_at + row * columns + first + column
            seen = np.fmax(x[at + window], x.dtype.type(-np.inf))
            y[target] = seen.max()
            if places is not None:
                places[target] = window[np.argmax(seen)]

    return write_argmax


def _mean_slowly(lanes: int) -> Any:
    def write_mean(
        x: Array, at: int, height: int, width: int, y: Array, y_at: int, rows: int, columns: int, first: int
    ) -> None:
        for row, column in np.ndindex(rows, min(lanes, columns - first)):
            window = _window(row, first + column, height, width)
            y[y_at + row * columns + first + column] = x[at + window].sum() / len(window)

    return write_mean


def _spread_slowly(lanes: int, past_caches: bool = False) -> Any:
    def write_spread(
        dy: Array, dy_at: int, rows: int, columns: int, dx: Array, at: int, height: int, width: int, first: int,
        places: Array | None = None,
    ) -> None:  # fmt: skip
        strip = np.arange(2 * first, min(width, 2 * (first + lanes)))
        dx[at + np.arange(height)[:, None] * width + strip] = 0
        for row in range(rows):
            for column in range(max(0, first - 1), min(columns, first + lanes)):
                window, source = _window(row, column, height, width), dy_at + row * columns + column
                part = dy[source] / len(window)
                if places is not None:
                    window, part = places[source : source + 1], dy[source]
                window = window[np.isin(window % width, strip)]
                dx[at + window] += part

    return write_spread


_max: Any = _max_of if JIT_ENABLED else _argmax_slowly
_argmax: Any = _argmax_of if JIT_ENABLED else _argmax_slowly
_mean: Any = _mean_of if JIT_ENABLED else _mean_slowly
_share: Any = _share_of if JIT_ENABLED else _spread_slowly
_spread: Any = _spread_of if JIT_ENABLED else _spread_slowly

max_narrow, max_wide = _max(NARROW), _max(WIDE)
argmax_narrow, argmax_wide = _argmax(NARROW), _argmax(WIDE)
mean_narrow, mean_wide = _mean(NARROW), _mean(WIDE)
share_narrow, share_wide = _share(NARROW), _share(WIDE)
spread_narrow, spread_wide, spread_past_caches = _spread(NARROW), _spread(WIDE), _spread(WIDE, past_caches=True)
