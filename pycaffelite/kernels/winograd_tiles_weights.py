"""The weight gradient of `winograd_tiles`, in one of two ways.

By chunks: a task goes through the panels of some images, and its V and W' never leave its thread's cache; the sums of
the chunks are added at the end. By places, where such sums would be larger than all V and W' are: first these are
written for all tiles, a panel a task; then a task sums over them at one place t.
"""

from __future__ import annotations

import numpy as np

from pycaffelite.kernels._jit import Array, kernel
from pycaffelite.kernels.convolution_plan import Numbers, Product
from pycaffelite.kernels.microkernel import ACCUMULATE, ZERO
from pycaffelite.kernels.tasks import run, task
from pycaffelite.kernels.winograd_maps import LANES, TO_WEIGHTS, change
from pycaffelite.kernels.winograd_tiles_moves import add_bias, spread_outputs_turned, write_pixels4
from pycaffelite.kernels.winograd_tiles_multiply import multiply
from pycaffelite.kernels.winograd_tiles_plan import (
    ADD_CHANNELS,
    AREA,
    BAND,
    BANDS,
    BIAS_CHUNKS,
    BY_PLACES,
    CHANNEL_TILES,
    CHANNELS,
    CHUNKS,
    DOWN,
    GROUPS,
    IMAGES,
    M_AT,
    MAPS,
    O_ROW,
    OUTPUTS,
    PANEL,
    PANEL_TILES,
    PLANES,
    ROWS_AT,
    SCRATCH,
    SCRATCH_AT,
    T_PITCH,
    TO_W,
    TOGETHER,
    U_PITCH,
    V_AT,
    V_PITCH,
    WANT_BIAS,
    WANT_WEIGHTS,
    WIDE,
)
from pycaffelite.kernels.workspace import workspace

_STEPS = 256  # of a sum before it is added to those before: long sums round more


def add_weight_gradient(product: Product, x: Array, dy: Array, dw: Array, dbias: Array) -> None:
    """Add to dw and dbias what the product says."""
    g, scratch = product.numbers, workspace(np.float32, product.scratch)
    if g[BY_PLACES]:
        run(_write_tiles, product.tasks, (x, dy, scratch), g)
        if g[WANT_WEIGHTS]:
            run(_sum_places, int(g[PLANES] * g[GROUPS]), (scratch,), g)
    else:
        run(_sum_chunk, product.tasks, (x, dy, scratch), g)
    run(_add_weights, int(g[GROUPS] * -(-g[CHANNELS] // g[ADD_CHANNELS])), (dw, dbias, scratch), g)


@task("fffff")
def _sum_chunk(number: int, thread: int, x: Array, dy: Array, scratch: Array, _d: Array, _e: Array, g: Numbers) -> None:
    """Write dU and the bias sums of one chunk of panels and group."""
    at, group, chunk = g[SCRATCH_AT] + thread * g[SCRATCH], number % g[GROUPS], number // g[GROUPS]
    u, v, w = number * g[PLANES] * g[U_PITCH], at + g[V_AT], at + g[M_AT]
    panels = -(-g[IMAGES] // g[TOGETHER]) * g[BANDS]
    begin = chunk * panels // g[CHUNKS]
    bias = _clear_bias(number, scratch, g)
    for panel in range(begin, (chunk + 1) * panels // g[CHUNKS]):
        tiles = _write_panel(panel, group, x, dy, scratch, bias, v, w, at + g[ROWS_AT], g)
        if g[WANT_WEIGHTS]:
            start = ZERO if panel == begin else ACCUMULATE
            for t in range(g[PLANES]):
                source, sums, target = v + t * g[V_PITCH], w + t * g[T_PITCH], u + t * g[U_PITCH]
                multiply(scratch, source, g[PANEL], 1, tiles, sums, g[O_ROW], target, g[O_ROW],
                         g[O_ROW], start, CHANNEL_TILES, g)  # fmt: skip


@task("fffff")
def _write_tiles(
    number: int, thread: int, x: Array, dy: Array, scratch: Array, _d: Array, _e: Array, g: Numbers
) -> None:
    """Write V, W' and the bias sums of one panel and group, for all tasks to come."""
    group, panel = number % g[GROUPS], number // g[GROUPS]
    v = g[V_AT] + group * g[PLANES] * g[V_PITCH] + panel * g[PANEL_TILES]
    w = g[M_AT] + group * g[PLANES] * g[T_PITCH] + panel * g[PANEL_TILES] * g[O_ROW]
    rows_at = g[SCRATCH_AT] + thread * g[SCRATCH] + g[ROWS_AT]
    tiles = _write_panel(panel, group, x, dy, scratch, _clear_bias(number, scratch, g), v, w, rows_at, g)
    if g[WANT_WEIGHTS]:
        _clear_rest(tiles, scratch, v, w, g)


@kernel(inner=True)
def _clear_rest(tiles: int, scratch: Array, v: int, w: int, g: Numbers) -> None:
    """Write zeros where a panel has no more tiles: sums go on with the next one."""
    for t in range(g[PLANES]):
        for c in range(g[CHANNELS]):
            for j in range(tiles, g[PANEL_TILES]):
                scratch[v + t * g[V_PITCH] + c * g[PANEL] + j] = 0
        for j in range(tiles * g[O_ROW], g[PANEL_TILES] * g[O_ROW]):
            scratch[w + t * g[T_PITCH] + j] = 0


@task("fffff")
def _sum_places(
    number: int, _thread: int, scratch: Array, _b: Array, _c: Array, _d: Array, _e: Array, g: Numbers
) -> None:
    """Write dU of one place and group."""
    place = number % g[GROUPS] * g[PLANES] + number // g[GROUPS]
    u, v, w = place * g[U_PITCH], g[V_AT] + place * g[V_PITCH], g[M_AT] + place * g[T_PITCH]
    tiles = -(-g[IMAGES] // g[TOGETHER]) * g[BANDS] * g[PANEL_TILES]
    for j in range(0, tiles, _STEPS):
        multiply(scratch, v + j, g[PANEL], 1, min(_STEPS, tiles - j), w + j * g[O_ROW], g[O_ROW], u, g[O_ROW],
                 g[O_ROW], ACCUMULATE if j else ZERO, CHANNEL_TILES, g)  # fmt: skip


@kernel(inner=True)
def _bias_at(number: int, g: Numbers) -> int:
    """Return where the bias sums of one chunk, or panel, and group stand."""
    return int(g[CHUNKS] * g[GROUPS] * g[PLANES] * g[U_PITCH] + number * g[O_ROW])


@kernel(inner=True)
def _clear_bias(number: int, scratch: Array, g: Numbers) -> int:
    """Begin the bias sums of one chunk, or panel, and group; return where they stand."""
    bias = _bias_at(number, g)
    for o in range(g[OUTPUTS]):
        scratch[bias + o] = 0
    return bias


@kernel(inner=True)
def _write_panel(
    panel: int, group: int, x: Array, dy: Array, scratch: Array, bias: int, v: int, w: int, rows_at: int, g: Numbers
) -> int:
    """Write V and W' of one panel and add to the bias sums, what of these is wanted; return how many tiles it has."""
    first, above = panel // g[BANDS] * g[TOGETHER], panel % g[BANDS] * g[BAND]
    images, rows = min(g[TOGETHER], g[IMAGES] - first), min(g[BAND], g[DOWN] - above)
    if g[WANT_BIAS]:
        add_bias(dy, first, images, group, above, rows, scratch, bias, g)
    if g[WANT_WEIGHTS]:
        write_pixels4(x, first, images, group, above, rows, scratch, v, rows_at, g)
        spread_outputs_turned(dy, first, images, group, above, rows, scratch, w, rows_at, g)
    return int(rows * g[WIDE])


@task("fffff")
def _add_weights(
    number: int, thread: int, dw: Array, dbias: Array, scratch: Array, _d: Array, _e: Array, g: Numbers
) -> None:
    """Add the gradients of the weights of some channels, and of some outputs' biases, chunk by chunk in order."""
    cuts = -(-g[CHANNELS] // g[ADD_CHANNELS])
    group, first = number // cuts, number % cuts * g[ADD_CHANNELS]
    last = min(g[CHANNELS], first + g[ADD_CHANNELS])
    if g[WANT_BIAS]:
        for o in range(number % cuts, g[OUTPUTS], cuts):
            for chunk in range(g[BIAS_CHUNKS]):
                dbias[group * g[OUTPUTS] + o] += scratch[_bias_at(chunk * g[GROUPS] + group, g) + o]
    if g[WANT_WEIGHTS]:
        _add_chunks(group, first, last, scratch, g)
        for o in range(0, g[O_ROW], LANES):
            for c in range(first, last):
                _add_kernels(dw, group, o, c, scratch, g[SCRATCH_AT] + thread * g[SCRATCH], g)


@kernel(inner=True)
def _add_chunks(group: int, first: int, last: int, scratch: Array, g: Numbers) -> None:
    """Add the sums of some channels of all chunks to those of the first one."""
    chunk_size = g[GROUPS] * g[PLANES] * g[U_PITCH]
    for t in range(g[PLANES]):
        u = (group * g[PLANES] + t) * g[U_PITCH]
        for chunk in range(1, g[CHUNKS]):
            for i in range(u + first * g[O_ROW], u + last * g[O_ROW]):
                scratch[i] += scratch[i + chunk * chunk_size]


@kernel(inner=True)
def _add_kernels(dw: Array, group: int, first: int, c: int, scratch: Array, buffer: int, g: Numbers) -> None:
    """Add the weight gradients of a vector of outputs and one channel."""
    u = group * g[PLANES] * g[U_PITCH] + c * g[O_ROW] + first
    change(g[MAPS], TO_WEIGHTS, scratch, u, g, TO_W, scratch, buffer, scratch, 0)
    for i in range(min(LANES, g[OUTPUTS] - first)):
        target = ((group * g[OUTPUTS] + first + i) * g[CHANNELS] + c) * g[AREA]
        for k in range(g[AREA]):
            dw[target + k] += scratch[buffer + k * LANES + i]
