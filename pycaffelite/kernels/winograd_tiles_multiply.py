"""The products of `winograd_tiles` at one place t of its tiles; serial, called from tasks."""

from __future__ import annotations

from pycaffelite.kernels._jit import Array, kernel
from pycaffelite.kernels.convolution_plan import ADDRESS as _ADDRESS
from pycaffelite.kernels.convolution_plan import TILES as _TILES
from pycaffelite.kernels.convolution_plan import Numbers
from pycaffelite.kernels.microkernel import multiply_tile
from pycaffelite.kernels.winograd_maps import LANES
from pycaffelite.kernels.winograd_tiles_plan import NARROW

_HIGHER, _AT, _HIGHER_AT = 2, _ADDRESS - _TILES, _ADDRESS - _TILES + 1  # from the number of row tiles on


@kernel(inner=True)
def multiply(
    scratch: Array, a: int, a_row: int, a_step: int, steps: int, b: int, b_step: int, c: int, c_row: int, columns: int,
    start: int, tiles: int, g: Numbers,
) -> None:  # fmt: skip
    """Write or add to C = A B at one place t; columns may be rounded up to vectors."""
    for j in range(0, columns, 2 * LANES):
        at = tiles + (NARROW if columns - j <= LANES else 0)
        for tile in range(g[at]):
            i = tile * g[at + 1] + min(tile, g[at + _HIGHER])
            address = g[at + _HIGHER_AT] if tile < g[at + _HIGHER] else g[at + _AT]
            multiply_tile(address, steps, scratch, a + i * a_row, a_row, a_step, scratch, b + j, b_step,
                          scratch, c + i * c_row + j, c_row, start, scratch, 0)  # fmt: skip
