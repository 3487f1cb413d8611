"""Winograd's convolution F(2 x 2, 5 x 5), which takes 2.8 times fewer multiplications than 5 x 5, and its gradients.

The gradients are made of F(4 x 4, 5 x 5): 6.25 times fewer multiplications, but five times the rounding errors, which
gradients bear and outputs should not. F(4 x 4, 3 x 3) gives the weight gradient of `winograd`.

Index letters as in `convolution`; t one of the places in a tile of pixels, j a tile; `winograd_maps` says how pixels,
weights and outputs' gradients become V, U and W.

    M[t, o, j] = sum over c of U[t, o, c] V[t, c, j]       from which y is made
    dV[t, c, j] = sum over o of U[t, o, c] W[t, o, j]      from which dx is made
    dU[t, o, c] = sum over j of W[t, o, j] V[t, c, j]      from which dw is made

What one task makes of some images stays in its thread's second cache. Parallel over tasks; each sums in a fixed order,
and partial weight gradients are added in order, so the bits do not depend on the number of threads. In float32 only:
whoever wants double wants every digit.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from pycaffelite.kernels._jit import Array
from pycaffelite.kernels.convolution_plan import Geometry, Numbers, Product
from pycaffelite.kernels.ending import write_ending
from pycaffelite.kernels.microkernel import ACCUMULATE, ZERO
from pycaffelite.kernels.tasks import run, task
from pycaffelite.kernels.winograd_maps import (
    FROM_WEIGHTS,
    LANES,
    Form,
    change,
)
from pycaffelite.kernels.winograd_tiles_moves import (
    gather_pixels,
    spread_outputs,
    write_outputs,
    write_pixels2,
)
from pycaffelite.kernels.winograd_tiles_multiply import multiply
from pycaffelite.kernels.winograd_tiles_plan import (
    AREA,
    BAND,
    BANDS,
    CHANNEL_TILES,
    CHANNELS,
    DOWN,
    FROM_W,
    GROUPS,
    IMAGES,
    M_AT,
    M_PITCH,
    MAPS,
    O_ROW,
    OUTPUT_TILES,
    OUTPUTS,
    PANEL,
    PLANES,
    ROWS_AT,
    SCRATCH,
    SCRATCH_AT,
    TOGETHER,
    U_PITCH,
    V_AT,
    V_PITCH,
    WIDE,
    direct_cycles,
    estimate_cycles,
    plan_product,
    row_bytes,
    shared_numbers,
)
from pycaffelite.kernels.winograd_tiles_weights import add_weight_gradient
from pycaffelite.kernels.workspace import workspace

_OUTPUTS = Form(2, 5)
_GRADIENT_STEP = 4
_LEAST_LANES = 8  # processors with narrower vectors have no masked loads either
_LEAST_CHANNELS = 16  # below which the transforms cost more than they save
_STEPS = 32  # of a sum of dV before it is added to those before: a large number costs digits of those after it
_MOST_BYTES = 4 << 20  # of U: each chunk of images sums up a weight gradient as large
_MOST_ROW_BYTES = 16 << 20  # of V and M of a row of tiles, which each thread has of its own
_MOST_GRADIENT_BYTES = 64 << 20  # of all that a weight gradient of 3 x 3 kernels holds


def suits(geometry: Geometry, dtype: np.dtype[Any]) -> bool:
    """Return whether this module is the one for a geometry and float type."""
    channels, outputs = geometry.group()
    return (
        dtype == np.float32
        and LANES >= _LEAST_LANES
        and (geometry.kernel, geometry.stride, geometry.dilation) == ((5, 5), (1, 1), (1, 1))
        and max(geometry.pad) < _OUTPUTS.taps
        and min(channels, outputs) >= _LEAST_CHANNELS
        and 4 * _OUTPUTS.side**2 * channels * outputs <= _MOST_BYTES
        and min(geometry.output_size) >= _GRADIENT_STEP  # in tiles that are not filled, errors are larger
        and row_bytes(geometry, _OUTPUTS) <= _MOST_ROW_BYTES
        and estimate_cycles(geometry, _OUTPUTS) < direct_cycles(geometry)
    )


def suits_gradient(geometry: Geometry) -> bool:
    """Return whether the weight gradient of a convolution by `winograd` is better done here; it says for the rest."""
    form = Form(_GRADIENT_STEP, geometry.kernel[0])
    return (
        LANES >= _LEAST_LANES
        and estimate_cycles(geometry, form) < direct_cycles(geometry)
        and row_bytes(geometry, form) <= _MOST_ROW_BYTES
        and 4 * shared_numbers(geometry, form, "weights") <= _MOST_GRADIENT_BYTES
    )


class Plan:
    """The products of one geometry, each planned when it is first wanted."""

    def __init__(self, geometry: Geometry, _dtype: npt.DTypeLike) -> None:
        self.geometry = geometry
        self.ending = np.zeros((geometry.outputs, 3), np.float32)  # scale, shift, slope
        self.gradients = Form(_GRADIENT_STEP, geometry.kernel[0])
        self._products: dict[tuple[object, ...], Product] = {}

    def product(self, which: str, weights: bool = True, bias: bool = False) -> Product:
        """Return how one product is done."""
        key = which, weights, bias
        product = self._products.get(key)
        if product is None:
            form = _OUTPUTS if which == "forward" else self.gradients
            product = self._products[key] = plan_product(self.geometry, form, which, weights, bias)
        return product


def forward(
    plan: Plan, x: Array, w: Array, shift: Array, y: Array, scale: Array | None = None, slope: float | None = None
) -> None:
    """Write y; all arrays are flat, and what ends a sum is as in `convolution.forward`."""
    ending = write_ending(plan.ending, shift, scale, slope)
    product = plan.product("forward")
    g, scratch = product.numbers, workspace(np.float32, product.scratch)
    run(_write_weights, plan.geometry.channels, (w, scratch), g)
    run(_write_outputs, product.tasks, (x, y, ending, scratch), g)


def weight_gradient(plan: Plan, x: Array, dy: Array, dw: Array, dbias: Array) -> None:
    """Add to dw and dbias, each unless it is empty."""
    add_weight_gradient(plan.product("weights", dw.size > 0, dbias.size > 0), x, dy, dw, dbias)


def data_gradient(plan: Plan, w: Array, dy: Array, dx: Array) -> None:
    """Overwrite dx."""
    product = plan.product("data")
    g, scratch = product.numbers, workspace(np.float32, product.scratch)
    run(_write_weights, plan.geometry.channels, (w, scratch), g)
    run(_write_gradient, product.tasks, (dy, dx, scratch), g)


@task("fffff")
def _write_weights(
    number: int, thread: int, w: Array, scratch: Array, _c: Array, _d: Array, _e: Array, g: Numbers
) -> None:
    """Write U of one channel."""
    group, c, area = number // g[CHANNELS], number % g[CHANNELS], g[AREA]
    buffer = g[SCRATCH_AT] + thread * g[SCRATCH]
    u = group * g[PLANES] * g[U_PITCH] + c * g[O_ROW]
    for o in range(0, g[O_ROW], LANES):
        for i in range(min(LANES, g[OUTPUTS] - o)):
            source = ((group * g[OUTPUTS] + o + i) * g[CHANNELS] + c) * area
            for k in range(area):
                scratch[buffer + k * LANES + i] = w[source + k]
        for i in range(g[OUTPUTS] - o, LANES):
            for k in range(area):
                scratch[buffer + k * LANES + i] = 0
        change(g[MAPS], FROM_WEIGHTS, scratch, buffer, g, FROM_W, scratch, u + o, scratch, 0)


@task("fffff")
def _write_outputs(
    number: int, thread: int, x: Array, y: Array, ending: Array, scratch: Array, _e: Array, g: Numbers
) -> None:
    """Write the outputs of one panel and group."""
    at, group, panel = g[SCRATCH_AT] + thread * g[SCRATCH], number % g[GROUPS], number // g[GROUPS]
    first, above = panel // g[BANDS] * g[TOGETHER], panel % g[BANDS] * g[BAND]
    images, rows = min(g[TOGETHER], g[IMAGES] - first), min(g[BAND], g[DOWN] - above)
    u, v, m = group * g[PLANES] * g[U_PITCH], at + g[V_AT], at + g[M_AT]
    write_pixels2(x, first, images, group, above, rows, scratch, v, at + g[ROWS_AT], g)
    tiles = rows * g[WIDE]
    for t in range(g[PLANES]):
        source, sums, target = u + t * g[U_PITCH], v + t * g[V_PITCH], m + t * g[M_PITCH]
        multiply(scratch, source, 1, g[O_ROW], g[CHANNELS], sums, g[PANEL], target, g[PANEL], tiles, ZERO,
                 OUTPUT_TILES, g)  # fmt: skip
    write_outputs(scratch, m, at + g[ROWS_AT], first, images, group, above, rows, y, ending, g)


@task("fffff")
def _write_gradient(
    number: int, thread: int, dy: Array, dx: Array, scratch: Array, _d: Array, _e: Array, g: Numbers
) -> None:
    """Write dx of some images and one group, panel by panel."""
    at, group, first = g[SCRATCH_AT] + thread * g[SCRATCH], number % g[GROUPS], number // g[GROUPS] * g[TOGETHER]
    images = min(g[TOGETHER], g[IMAGES] - first)
    u, v, w = group * g[PLANES] * g[U_PITCH], at + g[V_AT], at + g[M_AT]
    for above in range(0, g[DOWN], g[BAND]):
        rows = min(g[BAND], g[DOWN] - above)
        spread_outputs(dy, first, images, group, above, rows, scratch, w, at + g[ROWS_AT], g)
        tiles = rows * g[WIDE]
        for t in range(g[PLANES]):
            source, sums, target = u + t * g[U_PITCH], w + t * g[M_PITCH], v + t * g[V_PITCH]
            for o in range(0, g[OUTPUTS], _STEPS):
                multiply(scratch, source + o, g[O_ROW], 1, min(_STEPS, g[OUTPUTS] - o), sums + o * g[PANEL], g[PANEL],
                         target, g[PANEL], tiles, ACCUMULATE if o else ZERO, CHANNEL_TILES, g)  # fmt: skip
        gather_pixels(scratch, v, at + g[ROWS_AT], first, images, group, above, rows, dx, g)
