"""Moving numbers between images and the matrices that `winograd_tiles` multiplies; serial, called from its tasks.

All functions treat some rows of tiles, from row `above` on, of some images, from `first` on, and of one group. `at` is
where rows on their way stand in scratch; what a run of tiles writes too far is overwritten by the next one.
"""

from __future__ import annotations

from pycaffelite.kernels._jit import Array, kernel
from pycaffelite.kernels.convolution_plan import Numbers
from pycaffelite.kernels.winograd_maps import (
    FROM_OUTPUTS,
    FROM_PIXELS,
    LANES,
    PLANES,
    SIDE,
    TO_OUTPUTS,
    TO_PIXELS,
    change,
)
from pycaffelite.kernels.winograd_rows import RUN, deal_outputs2, deal_pixels2, gather2, transpose, weave2
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
    STEP,
    TO_OUT,
    TO_ROWS,
    WIDTH,
)


@kernel(inner=True)
def write_pixels(
    x: Array, first: int, images: int, group: int, above: int, rows: int, scratch: Array, v: int, at: int, g: Numbers
) -> None:
    """Write V of some rows of tiles of some images."""
    across, step, size, tiles = g[ACROSS], g[STEP], SIDE * g[PLANE], rows * g[ACROSS]
    top = step * above - g[PAD_H]
    for c in range(g[CHANNELS]):
        for n in range(images):
            plane = (((first + n) * g[GROUPS] + group) * g[CHANNELS] + c) * g[HEIGHT] * g[WIDTH]
            for h in range(step * rows + SIDE - step):
                inside = 0 <= top + h < g[HEIGHT]
                source = plane + (top + h) * g[WIDTH] if inside else plane
                length = g[WIDTH] if inside else 0
                to = at + n * size + h % step * g[PHASE] + h // step * across
                for b in range(0, across, RUN):
                    deal_pixels2(x, source, step * b - g[PAD_W], length, scratch, to + b, g[PLANE])
        for n in range(images):
            for j in range(0, tiles, LANES):
                change(g[MAPS], FROM_PIXELS, scratch, at + n * size + j, g, FROM_ROWS,
                       scratch, v + c * g[PANEL] + n * tiles + j, scratch, 0)  # fmt: skip


@kernel(inner=True)
def write_outputs(
    scratch: Array, m: int, at: int, first: int, images: int, group: int, above: int, rows: int, y: Array,
    ending: Array, g: Numbers,
) -> None:  # fmt: skip
    """Write y of some rows of tiles of some images."""
    across, step, tiles, size = g[ACROSS], g[STEP], rows * g[ACROSS], g[STEP] * g[STEP] * g[OUT_PLANE]
    for o in range(g[OUTPUTS]):
        output = group * g[OUTPUTS] + o
        for n in range(images):
            for j in range(0, tiles, LANES):
                change(g[MAPS], TO_OUTPUTS, scratch, m + o * g[PANEL] + n * tiles + j, g, TO_OUT,
                       scratch, at + n * size + j, ending, 3 * output)  # fmt: skip
        for n in range(images):
            plane = ((first + n) * g[GROUPS] * g[OUTPUTS] + output) * g[OUT_H]
            for h in range(min(step * rows, g[OUT_H] - step * above)):
                source = at + n * size + h % step * step * g[OUT_PLANE] + h // step * across
                target = (plane + step * above + h) * g[OUT_W]
                for b in range(0, across, RUN):
                    weave2(scratch, source + b, g[OUT_PLANE], y, target + step * b, g[OUT_W] - step * b)


@kernel(inner=True)
def spread_outputs(
    dy: Array, first: int, images: int, group: int, above: int, rows: int, scratch: Array, w: int, at: int, g: Numbers
) -> None:
    """Write W of some rows of tiles of some images."""
    across, step, tiles, size = g[ACROSS], g[STEP], rows * g[ACROSS], g[STEP] * g[STEP] * g[OUT_PLANE]
    for o in range(g[OUTPUTS]):
        for n in range(images):
            plane = (((first + n) * g[GROUPS] + group) * g[OUTPUTS] + o) * g[OUT_H]
            for h in range(step * rows):
                inside = step * above + h < g[OUT_H]
                source = (plane + step * above + h) * g[OUT_W] if inside else plane * g[OUT_W]
                length = g[OUT_W] if inside else 0
                to = at + n * size + h % step * step * g[OUT_PLANE] + h // step * across
                for b in range(0, across, RUN):
                    deal_outputs2(dy, source, step * b, length, scratch, to + b, g[OUT_PLANE])
        for n in range(images):
            for j in range(0, tiles, LANES):
                change(g[MAPS], FROM_OUTPUTS, scratch, at + n * size + j, g, FROM_OUT,
                       scratch, w + o * g[PANEL] + n * tiles + j, scratch, 0)  # fmt: skip


@kernel(inner=True)
def spread_outputs_turned(
    dy: Array, first: int, images: int, group: int, above: int, rows: int, scratch: Array, w: int, at: int, g: Numbers
) -> None:
    """Write W' of some rows of tiles of some images, from pixels that hold all outputs side by side."""
    across, step, row, outputs, area = g[ACROSS], g[STEP], g[O_ROW], g[OUTPUTS], g[OUT_H] * g[OUT_W]
    for n in range(images):
        plane = ((first + n) * g[GROUPS] + group) * outputs * area
        for h in range(step * rows):
            inside = step * above + h < g[OUT_H]
            for k in range(0, step * across, RUN):
                to = at + (h * step * across + k) * row
                source = plane + (step * above + h) * g[OUT_W] + k
                whole = outputs // RUN * RUN if inside and k + RUN <= g[OUT_W] else 0
                for o in range(0, whole, RUN):
                    transpose(dy, source + o * area, area, scratch, to + o, row)
                for column in range(min(RUN, step * across - k)):
                    exists = inside and k + column < g[OUT_W]
                    for o in range(whole, outputs):
                        scratch[to + column * row + o] = dy[source + column + o * area] if exists else 0
        for j in range(rows * across):
            source = at + (j // across * step * step * across + j % across * step) * row
            target = w + (n * rows * across + j) * row
            for o in range(0, row, LANES):
                change(g[MAPS], FROM_OUTPUTS, scratch, source + o, g, FROM_TURNED, scratch, target + o, scratch, 0)


@kernel(inner=True)
def gather_pixels(
    scratch: Array, v: int, at: int, first: int, images: int, group: int, above: int, rows: int, dx: Array, g: Numbers
) -> None:
    """Write to dx what some rows of tiles of some images give, and add where they meet those above."""
    across, step, tiles, plane = g[ACROSS], g[STEP], rows * g[ACROSS], g[OUT_PLANE]
    margin = at + g[MARGIN]  # rows of tiles above and below, which give nothing
    for i in range(at, at + images * PLANES * plane):
        scratch[i] = 0
    for c in range(g[CHANNELS]):
        for n in range(images):
            begin = margin + n * PLANES * plane
            for j in range(0, tiles, LANES):
                change(g[MAPS], TO_PIXELS, scratch, v + c * g[PANEL] + n * tiles + j, g, TO_ROWS,
                       scratch, begin + j, scratch, 0)  # fmt: skip
            if tiles % LANES > 0:
                for t in range(PLANES):
                    for j in range(begin + t * plane + tiles, begin + t * plane + tiles + LANES - tiles % LANES):
                        scratch[j] = 0
        for n in range(images):
            image = (((first + n) * g[GROUPS] + group) * g[CHANNELS] + c) * g[HEIGHT]
            for h in range(step * rows + SIDE - step):
                line = step * above + h - g[PAD_H]
                if 0 <= line < g[HEIGHT]:
                    add = above > 0 and h < SIDE - step  # the panel above has written it
                    source = margin + (n * PLANES + h % step * SIDE) * plane + h // step * across
                    m, begin = g[PAD_W] // step, -(g[PAD_W] % step)
                    while begin < g[WIDTH]:
                        gather2(scratch, source, plane, m, across, dx, (image + line) * g[WIDTH], begin, g[WIDTH], add)
                        m, begin = m + RUN, begin + step * RUN


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
