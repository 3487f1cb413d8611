"""Rectified linear units that saturate at 6. All arrays are flat; parallel over elements, bound by memory."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pycaffelite.kernels._jit import Array
from pycaffelite.kernels.flat import IN_PLACE, run_flat, span
from pycaffelite.kernels.tasks import task

Numbers = npt.NDArray[np.int64]


def forward(x: Array, y: Array, inside: Array) -> None:
    """Write y[i] = min(max(x[i], 0), 6), and whether x[i] lies between, which is what `relu.backward` takes.

    x (in) and y (out) may be one array. inside (out): uint8.
    """
    run_flat(_forward, x.size, (x, y, inside), np.may_share_memory(x, y))


@task("ffbff")
def _forward(number: int, _thread: int, x: Array, y: Array, inside: Array, _d: Array, _e: Array, g: Numbers) -> None:
    begin, end = span(number, g)
    if g[IN_PLACE]:
        for i in range(begin, end):
            value = y[i]
            inside[i] = (value > 0) & (value < 6)
            y[i] = 0 if value <= 0 else 6 if value >= 6 else value
    else:
        for i in range(begin, end):
            value = x[i]
            inside[i] = (value > 0) & (value < 6)
            y[i] = 0 if value <= 0 else 6 if value >= 6 else value
