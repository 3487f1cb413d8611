"""How the three products of `winograd_tiles` are cut into panels and tasks: numbers only.

A *panel* is a number of tiles: those of a few whole images, or a few rows of tiles of one. U[t, c, o] are the weights
at place t, O_ROW apart for each c; V[t, c, j] the pixels of the tiles j of a panel; M[t, o, j] and, where the outputs'
gradient is spread, W[t, o, j] and its transpose W'[t, j, o].
"""

from __future__ import annotations

import numpy as np

from pycaffelite.kernels.convolution_plan import Geometry, Product, rows_of_tiles
from pycaffelite.kernels.microkernel import VECTORS
from pycaffelite.kernels.winograd_maps import LANES, Form, maps_kernel
from pycaffelite.kernels.winograd_rows import RUN
from pycaffelite.kernels.workspace import most_threads, padded_stride

# Places in the vector of numbers. The geometry, channels and outputs being those of a group; the sides of a tile of
# outputs and of pixels, the places in it, weights of a kernel, tiles along both axes, code of the maps.
IMAGES, GROUPS, CHANNELS, OUTPUTS, HEIGHT, WIDTH, OUT_H, OUT_W, PAD_H, PAD_W = range(10)
STEP, SIDE, PLANES, AREA, DOWN, ACROSS, MAPS = range(10, 17)
# Images a panel, rows of tiles a panel, tiles of a row, panels of an image, tiles a panel rounded up to vectors.
TOGETHER, BAND, WIDE, BANDS, PANEL = range(17, 22)
# Distances: of rows of U and W', of places of U, V, M or W, W'; of the planes that the rows of an image are dealt out
# to, of their phases, and of those that hold outputs, or what tiles give to pixels; the margin of these.
O_ROW, U_PITCH, V_PITCH, M_PITCH, T_PITCH, PLANE, PHASE, OUT_PLANE, MARGIN = range(22, 31)
# Chunks of images whose weight gradients are summed up one by one; whether weights and bias are wanted.
CHUNKS, WANT_WEIGHTS, WANT_BIAS = range(31, 34)
# Where in scratch the threads' parts begin, how long one is, and where in it V, M or W, and rows on their way begin.
SCRATCH_AT, SCRATCH, V_AT, M_AT, ROWS_AT = range(34, 39)
# Row tiles of outputs and of channels: those of `convolution_plan`, wide and narrow.
OUTPUT_TILES, CHANNEL_TILES = 39, 49
NARROW = 5
# Strides of each map, see `winograd_maps`.
FROM_ROWS, TO_OUT, FROM_OUT, FROM_TURNED, TO_ROWS, FROM_W, TO_W = range(59, 87, 4)

_SLACK = LANES + -(-RUN // LANES) * LANES  # elements that are written or read past the end of a row of tiles
_PANEL_BYTES = 1 << 20  # of V and M
_TASKS = 16  # tasks to aim for, whatever the number of threads
_CHUNKS, _FEW_CHUNKS = 8, 4  # of images: each has weight gradients of its own,
_SUMS_BYTES = 8 << 20  # which may be large


def estimate_cycles(geometry: Geometry, form: Form) -> float:
    """Return about how many cycles a pass takes on one core: the products, then the maps.

    Two vectors are multiplied and added in a cycle, and the products reach 80 % of that. The maps, and dealing out the
    pixels, were measured with AVX-512.
    """
    channels, outputs = geometry.group()
    down, across = (-(-size // form.step) for size in geometry.output_size)
    pairs, tiles, planes = channels * outputs, geometry.images * down * across, form.side**2
    products = planes * pairs * tiles / (2 * LANES) / 0.8
    return geometry.groups * (products + planes * (tiles / LANES * (10 * channels + 3 * outputs) + pairs))


def direct_cycles(geometry: Geometry) -> float:
    """Return the same for the convolution without maps."""
    height, width = geometry.output_size
    area = geometry.kernel[0] * geometry.kernel[1]
    pairs = geometry.channels * geometry.outputs // geometry.groups
    return area * pairs * geometry.images * height * width / (2 * LANES) / 0.85


def plan_product(geometry: Geometry, form: Form, which: str, weights: bool = True, bias: bool = False) -> Product:
    """Return how one product is done.

    Args:
        geometry: The geometry.
        form: The sizes of the tiles.
        which: "forward", "data" or "weights".
        weights: Whether the weights' gradient is wanted.
        bias: Whether that of the bias is.
    """
    step, side, planes = form.step, form.side, form.side**2
    channels, outputs = geometry.group()
    down, across = (-(-size // step) for size in geometry.output_size)
    together, band = _choose_panel(geometry, form, _CHUNKS if which == "weights" else _TASKS)
    bands, groups, wide = -(-down // band), geometry.groups, together * across
    units = -(-geometry.images // together)
    panel = -(-band * wide // LANES) * LANES
    o_row = -(-outputs // LANES) * LANES
    u_pitch = padded_stride(channels * o_row, np.float32)
    v_pitch, m_pitch = (padded_stride(count * panel + LANES, np.float32) for count in (channels, outputs))
    t_pitch = padded_stride(panel * o_row, np.float32)
    phase = -(-(step * band + side - step) // step) * wide + _SLACK
    plane = step * phase
    margin = -(-(side // step - 1) * wide // LANES) * LANES if which == "data" else 0
    out_plane = -(-band * wide // LANES) * LANES + _SLACK + 2 * margin
    rows = max(
        2 * step * plane + _SLACK,  # as many columns as are dealt out, which may be more than a tile has
        side * plane + _SLACK,
        planes * out_plane,
        step * step * band * across * o_row + o_row,
        2 * geometry.kernel[0] * geometry.kernel[1] * LANES,
    )
    seconds = planes * (t_pitch if which == "weights" else m_pitch) + LANES
    sizes = [planes * v_pitch + LANES, seconds, rows + 2 * _SLACK]
    places = [0, *np.cumsum([size + -size % LANES for size in sizes]).tolist()]
    chunks = min(units * bands, _CHUNKS, max(_FEW_CHUNKS, _SUMS_BYTES // (4 * planes * u_pitch * groups)))
    before = planes * u_pitch * groups * (chunks if which == "weights" else 1)
    before += chunks * groups * o_row
    tasks = groups * {"forward": units * bands, "data": units, "weights": chunks}[which]
    numbers = [geometry.images, groups, channels, outputs, geometry.height, geometry.width, *geometry.output_size]
    numbers += [*geometry.pad, step, side, planes, geometry.kernel[0] * geometry.kernel[1], down, across]
    numbers += [maps_kernel(form, which != "forward"), together, band, wide, bands, panel]
    numbers += [o_row, u_pitch, v_pitch, m_pitch, t_pitch, plane, phase, out_plane, margin]
    numbers += [chunks, int(weights), int(bias)]
    numbers += [before, places[-1], *places[:-1]]
    float32 = np.dtype(np.float32)
    for count, wanted in ((outputs, which == "forward"), (channels, which != "forward")):
        for vectors in (VECTORS, 1):
            numbers += rows_of_tiles(count, float32, vectors) if wanted else [0] * NARROW
    numbers += [wide, phase, plane, v_pitch]
    numbers += [side * m_pitch, 0, m_pitch, out_plane]
    numbers += [step * out_plane, 0, out_plane, m_pitch]
    numbers += [step * across * o_row, 0, o_row, t_pitch]
    numbers += [side * v_pitch, 0, v_pitch, out_plane]
    numbers += [geometry.kernel[1] * LANES, 0, LANES, u_pitch]
    numbers += [side * u_pitch, 0, u_pitch, LANES]
    return Product(np.array(numbers, np.int64), tasks, before + places[-1] * most_threads())


def _choose_panel(geometry: Geometry, form: Form, tasks: int) -> tuple[int, int]:
    """Choose images and rows of tiles a panel: few empty lanes, in the second cache, enough tasks."""
    down, across = (-(-size // form.step) for size in geometry.output_size)
    most = max(LANES, _PANEL_BYTES // (4 * form.side**2 * sum(geometry.group())))
    images = max(1, min(geometry.images, geometry.images * geometry.groups // tasks))
    cuts = [(1, band) for band in range(1, down + 1)] + [(together, down) for together in range(2, images + 1)]

    def cost(cut: tuple[int, int]) -> float:
        together, band = cut
        units, bands = -(-geometry.images // together), -(-down // band)
        tiles = together * band * across
        columns = units * bands * (-(-tiles // LANES) * LANES + 8)  # 8: what a panel costs besides
        return columns / (geometry.images * down * across) + 0.25 * max(0, tiles / most - 1)

    return min(cuts, key=cost)
