"""Moving numbers between images and the matrices that `winograd_tiles` multiplies; serial, called from its tasks.

All functions treat some rows of tiles, from row `above` on, of the images of a panel, from `first` on, and of one
group. A row of tiles goes through all images of the panel; those that a panel lacks at the end count as zeros. `at` is
where rows on their way stand in scratch; what a run of tiles writes too far is overwritten by the next one.
"""

from __future__ import annotations

from typing import Any

from pycaffelite.kernels._jit import Array, kernel
from pycaffelite.kernels.convolution_plan import Numbers
from pycaffelite.kernels.winograd_maps import (
    FROM_OUTPUTS,
    FROM_PIXELS,
    LANES,
    TO_OUTPUTS,
    TO_PIXELS,
    change,
)
from pycaffelite.kernels.winograd_rows import (
    RUN2,
    RUN4,
    SQUARE,
    deal_outputs4,
    deal_pixels2,
    deal_pixels4,
    gather4,
    transpose,
    weave2,
)
from pycaffelite.kernels.winograd_tiles_plan import (
    ACROSS,
    CHANNELS,
    FROM_OUT,
    FROM_ROWS,
    FROM_TURNED,
    GROUPS,
    HEIGHT,
    MAPS,
    MARGIN,
    O_ROW,
    OUT_H,
    OUT_PLANE,
    OUT_W,
    OUTPUTS,
    PAD_H,
    PAD_W,
    PANEL,
    PHASE,
    PLANE,
    PLANES,
    SIDE,
    STEP,
    TO_OUT,
    TO_ROWS,
    TOGETHER,
    WIDE,
    WIDTH,
)


def _write_pixels_of(step: int, run: int, deal: Any) -> Any:
    """Make the function for tiles that begin `step` pixels apart: one for both would take twice as long to compile."""

    @kernel(inner=True)
    def write_pixels(
        x: Array, first: int, images: int, group: int, above: int, rows: int, scratch: Array, v: int, at: int,
        g: Numbers,
    ) -> None:  # fmt: skip
        """Write V of some rows of tiles."""
        top = step * above - g[PAD_H]
        for c in range(g[CHANNELS]):
            for h in range(step * rows + g[SIDE] - step):
                for n in range(g[TOGETHER]):
                    inside = n < images and 0 <= top + h < g[HEIGHT]
                    plane = (((first + n) * g[GROUPS] + group) * g[CHANNELS] + c) * g[HEIGHT]
                    source, length = ((plane + top + h) * g[WIDTH], g[WIDTH]) if inside else (0, 0)
                    to = at + h % step * g[PHASE] + h // step * g[WIDE] + n * g[ACROSS]
                    for b in range(0, g[ACROSS], run):
                        deal(x, source, step * b - g[PAD_W], length, scratch, to + b, g[PLANE])
            for j in range(0, rows * g[WIDE], LANES):
                change(g[MAPS], FROM_PIXELS, scratch, at + j, g, FROM_ROWS, scratch, v + c * g[PANEL] + j, scratch, 0)

    return write_pixels


write_pixels2, write_pixels4 = _write_pixels_of(2, RUN2, deal_pixels2), _write_pixels_of(4, RUN4, deal_pixels4)


@kernel(inner=True)
def write_outputs(
    scratch: Array, m: int, at: int, first: int, images: int, group: int, above: int, rows: int, y: Array,
    ending: Array, g: Numbers,
) -> None:  # fmt: skip
    """Write y of some rows of tiles of 2 x 2 outputs."""
    across, step = g[ACROSS], 2
    for o in range(g[OUTPUTS]):
        output = group * g[OUTPUTS] + o
        for j in range(0, rows * g[WIDE], LANES):
            change(g[MAPS], TO_OUTPUTS, scratch, m + o * g[PANEL] + j, g, TO_OUT, scratch, at + j, ending, 3 * output)
        for n in range(images):
            plane = ((first + n) * g[GROUPS] * g[OUTPUTS] + output) * g[OUT_H]
            for h in range(min(step * rows, g[OUT_H] - step * above)):
                source = at + h % step * step * g[OUT_PLANE] + h // step * g[WIDE] + n * across
                target = (plane + step * above + h) * g[OUT_W]
                for b in range(0, across, RUN2):
                    weave2(scratch, source + b, g[OUT_PLANE], y, target + step * b, g[OUT_W] - step * b)


@kernel(inner=True)
def spread_outputs(
    dy: Array, first: int, images: int, group: int, above: int, rows: int, scratch: Array, w: int, at: int, g: Numbers
) -> None:
    """Write W of some rows of tiles of 4 x 4 outputs."""
    across, step = g[ACROSS], 4
    for o in range(g[OUTPUTS]):
        for h in range(step * rows):
            for n in range(g[TOGETHER]):
                inside = n < images and step * above + h < g[OUT_H]
                plane = (((first + n) * g[GROUPS] + group) * g[OUTPUTS] + o) * g[OUT_H]
                source, length = ((plane + step * above + h) * g[OUT_W], g[OUT_W]) if inside else (0, 0)
                to = at + h % step * step * g[OUT_PLANE] + h // step * g[WIDE] + n * across
                for b in range(0, across, RUN4):
                    deal_outputs4(dy, source, step * b, length, scratch, to + b, g[OUT_PLANE])
        for j in range(0, rows * g[WIDE], LANES):
            change(g[MAPS], FROM_OUTPUTS, scratch, at + j, g, FROM_OUT, scratch, w + o * g[PANEL] + j, scratch, 0)


@kernel(inner=True)
def spread_outputs_turned(
    dy: Array, first: int, images: int, group: int, above: int, rows: int, scratch: Array, w: int, at: int, g: Numbers
) -> None:
    """Write W' of some rows of tiles, from pixels that hold all outputs side by side."""
    across, step, row, outputs, area = g[ACROSS], 4, g[O_ROW], g[OUTPUTS], g[OUT_H] * g[OUT_W]
    for n in range(g[TOGETHER]):
        plane = ((first + n) * g[GROUPS] + group) * outputs * area
        for h in range(step * rows):
            inside = n < images and step * above + h < g[OUT_H]
            for k in range(0, step * across, SQUARE):
                to = at + (h * step * across + k) * row
                source = plane + (step * above + h) * g[OUT_W] + k
                whole = outputs // SQUARE * SQUARE if inside and k + SQUARE <= g[OUT_W] else 0
                for o in range(0, whole, SQUARE):
                    transpose(dy, source + o * area, area, scratch, to + o, row)
                for column in range(min(SQUARE, step * across - k)):
                    exists = inside and k + column < g[OUT_W]
                    for o in range(whole, outputs):
                        scratch[to + column * row + o] = dy[source + column + o * area] if exists else 0
        for j in range(rows * across):
            source = at + (j // across * step * step * across + j % across * step) * row
            target = w + (j // across * g[WIDE] + n * across + j % across) * row
            for o in range(0, row, LANES):
                change(g[MAPS], FROM_OUTPUTS, scratch, source + o, g, FROM_TURNED, scratch, target + o, scratch, 0)


@kernel(inner=True)
def gather_pixels(
    scratch: Array, v: int, at: int, first: int, images: int, group: int, above: int, rows: int, dx: Array, g: Numbers
) -> None:
    """Write to dx what some rows of tiles give, and add where they meet those above."""
    tiles, plane, size = rows * g[WIDE], g[OUT_PLANE], g[HEIGHT] * g[WIDTH]
    begin = at + g[MARGIN]  # rows of tiles above and below give nothing
    for i in range(at, at + g[PLANES] * plane):
        scratch[i] = 0
    for c in range(g[CHANNELS]):
        for j in range(0, tiles, LANES):
            change(g[MAPS], TO_PIXELS, scratch, v + c * g[PANEL] + j, g, TO_ROWS, scratch, begin + j, scratch, 0)
        if tiles % LANES > 0:
            for t in range(g[PLANES]):
                for j in range(begin + t * plane + tiles, begin + t * plane + tiles + LANES - tiles % LANES):
                    scratch[j] = 0
        for n in range(images):
            image = (((first + n) * g[GROUPS] + group) * g[CHANNELS] + c) * size
            _gather_rows(scratch, begin + n * g[ACROSS], above, rows, dx, image, g)


@kernel(inner=True)
def _gather_rows(scratch: Array, begin: int, above: int, rows: int, dx: Array, image: int, g: Numbers) -> None:
    """Write to one channel of an image what rows of tiles give."""
    across, step, side, wide, plane = g[ACROSS], 4, g[SIDE], g[WIDE], g[OUT_PLANE]
    for h in range(step * rows + side - step):
        line = step * above + h - g[PAD_H]
        if 0 <= line < g[HEIGHT]:
            add = above > 0 and h < side - step  # the panel above has written it
            source, row = begin + h % step * side * plane + h // step * wide, image + line * g[WIDTH]
            m, column = g[PAD_W] // step, -(g[PAD_W] % step)
            while column < g[WIDTH]:
                gather4(scratch, source, plane, wide, m, across, dx, row, column, g[WIDTH], add)
                m, column = m + RUN4, column + step * RUN4


@kernel(inner=True)
def add_bias(
    dy: Array, first: int, images: int, group: int, above: int, rows: int, scratch: Array, bias: int, g: Numbers
) -> None:
    """Add up dy over some rows of tiles of some images."""
    begin, end = g[STEP] * above * g[OUT_W], min(g[OUT_H], g[STEP] * (above + rows)) * g[OUT_W]
    for n in range(first, first + images):
        for o in range(g[OUTPUTS]):
            plane = ((n * g[GROUPS] + group) * g[OUTPUTS] + o) * g[OUT_H] * g[OUT_W]
            total = scratch[bias + o]
            for p in range(plane + begin, plane + end):
                total += dy[p]
            scratch[bias + o] = total
