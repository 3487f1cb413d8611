"""How the three products of `winograd_tiles` are cut into panels and tasks: numbers only.

A *panel* is a number of tiles: those of a few whole images, or a few rows of tiles of one. U[t, c, o] are the weights
at place t, O_ROW apart for each c; V[t, c, j] the pixels of the tiles j of a panel; M[t, o, j] and, where the outputs'
gradient is spread, W[t, o, j] and its transpose W'[t, j, o].
"""

from __future__ import annotations

import math

import numpy as np

from pycaffelite.kernels.convolution_plan import Geometry, Product, rows_of_tiles
from pycaffelite.kernels.microkernel import VECTORS
from pycaffelite.kernels.winograd_maps import LANES, Form, maps_kernel
from pycaffelite.kernels.winograd_rows import RUN2
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
# Weight gradient: whether it is summed up by places, else the chunks that have sums of their own; how many sums of the
# bias there are; tiles from one panel to the next where all lie side by side; channels whose gradients a task adds at
# the end; whether weights and bias are wanted.
BY_PLACES, CHUNKS, BIAS_CHUNKS, PANEL_TILES, ADD_CHANNELS, WANT_WEIGHTS, WANT_BIAS = range(31, 38)
# Where in scratch the threads' parts begin, how long one is, and where in it V, M or W, and rows on their way begin;
# by places V and W' belong to all threads, and begin in scratch itself.
SCRATCH_AT, SCRATCH, V_AT, M_AT, ROWS_AT = range(38, 43)
# Row tiles of outputs and of channels: those of `convolution_plan`, wide and narrow.
OUTPUT_TILES, CHANNEL_TILES = 43, 53
NARROW = 5
# Strides of each map, see `winograd_maps`.
FROM_ROWS, TO_OUT, FROM_OUT, FROM_TURNED, TO_ROWS, FROM_W, TO_W = range(63, 91, 4)

_SLACK = LANES + -(-RUN2 // LANES) * LANES  # elements that are written or read past the end of a row of tiles
_PANEL_BYTES = 1 << 20  # of V and M
_TASKS = 16  # tasks to aim for, whatever the number of threads
_CHUNKS, _FEW_CHUNKS = 8, 4  # of images: each has weight gradients of its own,
_SUMS_BYTES = 8 << 20  # which may be large
_MOST_ADDING = 32  # tasks that add the sums of a group: a task for each channel would write too short runs of weights


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
    own = _Sizes(geometry, form, which)
    (channels, outputs), step, side = geometry.group(), form.step, form.side
    numbers = [geometry.images, geometry.groups, channels, outputs, geometry.height, geometry.width]
    numbers += [*geometry.output_size, *geometry.pad, step, side, side * side, math.prod(geometry.kernel)]
    numbers += [own.down, own.across, maps_kernel(form, which != "forward")]
    numbers += [own.together, own.band, own.wide, own.bands, own.panel]
    numbers += [own.o_row, own.u_pitch, own.v_pitch, own.m_pitch, own.t_pitch]
    numbers += [own.plane, own.phase, own.out_plane, own.margin]
    numbers += [int(own.by_places), own.chunks, own.bias_chunks, own.panel_tiles]
    numbers += [-(-channels // _MOST_ADDING), int(weights), int(bias)]
    shared, private, places = own.scratch()
    numbers += [shared, private, *places]
    float32 = np.dtype(np.float32)
    for count, wanted in ((outputs, which == "forward"), (channels, which != "forward")):
        for vectors in (VECTORS, 1):
            numbers += rows_of_tiles(count, float32, vectors) if wanted else [0] * NARROW
    numbers += [own.wide, own.phase, own.plane, own.v_pitch]
    numbers += [side * own.m_pitch, 0, own.m_pitch, own.out_plane]
    numbers += [step * own.out_plane, 0, own.out_plane, own.m_pitch]
    numbers += [step * own.across * own.o_row, 0, own.o_row, own.t_pitch]
    numbers += [side * own.v_pitch, 0, own.v_pitch, own.out_plane]
    numbers += [geometry.kernel[1] * LANES, 0, LANES, own.u_pitch]
    numbers += [side * own.u_pitch, 0, own.u_pitch, LANES]
    return Product(np.array(numbers, np.int64), own.tasks, shared + private * most_threads())


def row_bytes(geometry: Geometry, form: Form) -> int:
    """Return how much memory V and M of one row of tiles take, the least that a panel may be."""
    across = -(-geometry.output_size[1] // form.step)
    return 4 * form.side**2 * sum(geometry.group()) * (-(-across // LANES) * LANES)


def shared_numbers(geometry: Geometry, form: Form, which: str) -> int:
    """Return how much memory a product needs whatever the number of threads."""
    return _Sizes(geometry, form, which).scratch()[0]


class _Sizes:
    """How one product is cut, and the distances that come of it."""

    def __init__(self, geometry: Geometry, form: Form, which: str) -> None:
        self.geometry, self.form, self.which = geometry, form, which
        (channels, outputs), step, side = geometry.group(), form.step, form.side
        self.down, self.across = (-(-size // step) for size in geometry.output_size)
        self.o_row = -(-outputs // LANES) * LANES
        self.u_pitch = padded_stride(channels * self.o_row, np.float32)
        tiles = geometry.images * self.down * self.across
        sums = max(_FEW_CHUNKS, min(_CHUNKS, _SUMS_BYTES // (4 * side * side * self.u_pitch * geometry.groups)))
        self.by_places = which == "weights" and _pays_by_places(geometry.group(), sums, tiles)
        wanted = _CHUNKS if which == "weights" and not self.by_places else _TASKS
        self.together, self.band = _choose_panel(geometry, form, wanted)
        self.wide, self.bands = self.together * self.across, -(-self.down // self.band)
        units = -(-geometry.images // self.together)
        panels = units * self.bands
        self.panel_tiles = self.panel = -(-self.band * self.wide // LANES) * LANES
        if self.by_places:
            self.panel = padded_stride(panels * self.panel_tiles, np.float32)
        self.chunks = 1 if self.by_places or which != "weights" else min(panels, sums)
        self.bias_chunks = panels if self.by_places else self.chunks
        parts = {"forward": panels, "data": units, "weights": self.bias_chunks}[which]
        self.tasks = geometry.groups * parts
        self.v_pitch, self.m_pitch = (
            padded_stride(count * self.panel + LANES, np.float32) for count in (channels, outputs)
        )
        self.t_pitch = padded_stride(self.panel * self.o_row, np.float32)
        self.phase = -(-(step * self.band + side - step) // step) * self.wide + _SLACK
        self.plane = step * self.phase
        self.margin = -(-(side // step - 1) * self.wide // LANES) * LANES if which == "data" else 0
        self.out_plane = self.panel_tiles + _SLACK + 2 * self.margin

    def scratch(self) -> tuple[int, int, list[int]]:
        """Return how much memory all threads share, how much each has, and where V, M or W, and rows begin."""
        step, planes, groups = self.form.step, self.form.side**2, self.geometry.groups
        rows = max(
            max(self.form.side, 2 * step) * self.plane + _SLACK,  # as many columns as are dealt out
            planes * self.out_plane,
            step * step * self.band * self.across * self.o_row + self.o_row,
            2 * math.prod(self.geometry.kernel) * LANES,
        )
        shared = planes * self.u_pitch * groups * self.chunks + self.bias_chunks * groups * self.o_row
        seconds = self.t_pitch if self.which == "weights" else self.m_pitch
        sizes = [planes * self.v_pitch + LANES, planes * seconds + LANES, rows + 2 * _SLACK]
        if self.by_places:
            v = shared
            w = v + groups * planes * self.v_pitch
            return w + groups * planes * self.t_pitch + LANES, sizes[2], [v, w, 0]
        places = [0, *np.cumsum([size + -size % LANES for size in sizes]).tolist()]
        return shared, places[-1], places[:-1]


def _pays_by_places(group: tuple[int, int], sums: int, tiles: int) -> bool:
    """Return whether all V and W' are fewer numbers than the sums that chunks would write."""
    return sums * group[0] * group[1] > sum(group) * tiles


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
