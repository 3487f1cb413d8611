"""How Winograd's convolution is cut into panels of tiles, blocks of outputs and tasks: numbers only.

Both operands lie as the micro-kernel reads them. U[t, c, o] holds the outputs of a row tile, ROW apart for each c; a
place t begins U_PITCH after the one before. V[t, c, j] holds the tiles of a panel, and M[t, o, j] the products.
"""

from __future__ import annotations

import numpy as np

from pycaffelite.kernels.convolution_plan import Geometry
from pycaffelite.kernels.frame import FRAME_NUMBERS, FRAME_ROW, Numbers, frame_numbers
from pycaffelite.kernels.microkernel import MAX_HEIGHT, row_tiles, tile_kernel, tile_width
from pycaffelite.kernels.vectors import SPLIT
from pycaffelite.kernels.winograd_transform import LANES, PLANES, READ, SIDE, STEP
from pycaffelite.kernels.workspace import most_threads, padded_stride

# Behind the numbers of the frame: the sizes of the product; tiles along both axes of an image and in all; tiles of a
# panel, and panels.
CHANNELS, OUTPUTS, OUT_H, OUT_W, TILES_X, TILES_Y, TILES, PANEL, PANELS = range(FRAME_NUMBERS, FRAME_NUMBERS + 9)
# Distances of weights from one output and one channel to the next, whether kernels are turned round; row tiles of
# outputs: how many, the lesser height, how many are one higher, code for both heights, and for half as wide a panel.
W_OUTPUT, W_CHANNEL, TURNED, BLOCKS, LESSER, HIGHER, ADDRESS, HIGHER_ADDRESS = range(PANELS + 1, PANELS + 9)
NARROW, HIGHER_NARROW = HIGHER_ADDRESS + 1, HIGHER_ADDRESS + 2
# Distances in U, V and M; channels that a task takes at a time, row tiles that it makes; channels a task transforms
# beforehand, and how many such chunks there are.
ROW, U_PITCH, V_PITCH, M_PITCH, SLICE, GROUP, CHUNK, CHUNKS = range(HIGHER_NARROW + 1, HIGHER_NARROW + 9)
# Where the threads' scratch begins, how much one has, and where in it stand: its U or V, M, the frame, outputs on
# their way out, a buffer.
SCRATCH_AT, SCRATCH, OWN_AT, M_AT, FRAME_AT, OUT_AT, BUFFER_AT = range(CHUNKS + 1, CHUNKS + 8)
# How many groups of channels there are, and which of them this is; CHANNELS and OUTPUTS are those of a group.
GROUPS, PART = BUFFER_AT + 1, BUFFER_AT + 2

TOGETHER = 8  # kernels that are collected before they are transformed
_U_BYTES = 640 * 1024  # of U that a task holds
_M_BYTES = 1024 * 1024  # of products that a task holds
_TASKS = 16  # tasks to aim for


def few_tiles(geometry: Geometry) -> bool:
    """Return whether a task is a block of outputs, and not a panel of tiles."""
    return geometry.group()[1] > tiles_of(geometry)


def tiles_of(geometry: Geometry) -> int:
    """Return how many tiles the outputs of all images make."""
    height, width = geometry.output_size
    return geometry.images * -(-height // STEP) * -(-width // STEP)


def estimate_cycles(geometry: Geometry) -> float:
    """Return about how many cycles a pass takes on one core: the products, then the transforms.

    Two vectors are multiplied and added in a cycle, and the 36 products reach 80 % of that. The transforms were
    measured, with AVX-512: each takes about the same for a run of tiles side by side, however many lanes are filled.
    """
    channels, outputs = geometry.group()
    pairs = channels * outputs
    height, width = geometry.output_size
    products = PLANES * pairs * -(-tiles_of(geometry) // LANES) / 2 / 0.8
    runs = geometry.images * -(-height // STEP) * -(-width // (STEP * LANES))
    return geometry.groups * (products + runs * (300 * channels + 150 * outputs) + pairs * 240 / MAX_HEIGHT)


def direct_cycles(geometry: Geometry) -> float:
    """Return the same for the convolution without transforms, which reaches 90 %."""
    height, width = geometry.output_size
    return 9 * geometry.channels * geometry.group()[1] * geometry.images * height * width / (2 * LANES) / 0.9


def make_numbers(geometry: Geometry, turned: bool, part: int = 0) -> tuple[Numbers, int]:
    """Return the numbers of one group of channels, and how much scratch there is in all.

    Args:
        geometry: A geometry with a kernel of 3 x 3, a stride and dilation of 1.
        turned: Whether the weights stand as those of the convolution whose data gradient this is.
        part: The number of the group.
    """
    height, width = geometry.output_size
    tiles, down, across = tiles_of(geometry), -(-height // STEP), -(-width // STEP)
    panel = LANES if tiles <= LANES else tile_width(np.float32)
    panels = -(-tiles // panel)
    channels, outputs = geometry.group()
    few = few_tiles(geometry)
    blocks, lesser, higher = row_tiles(outputs)
    row = -(-MAX_HEIGHT // LANES) * LANES
    m_pitch = padded_stride((lesser + (higher > 0)) * panel, np.float32)
    group = max(1, min(2, _M_BYTES // (4 * PLANES * m_pitch * panels), blocks // _TASKS)) if few else 1
    portion = max(1, min(channels, _U_BYTES // (4 * PLANES * row * group))) if few else channels
    portion = -(-channels // -(-channels // portion))
    chunks = max(1, min(channels // TOGETHER, -(-_TASKS // (panels if few else blocks))))
    chunk = -(-channels // chunks)
    u_pitch, v_pitch = padded_stride(portion * row, np.float32), padded_stride(channels * panel, np.float32)
    size = (geometry.height, geometry.width)
    frame = frame_numbers(
        size, geometry.images * geometry.channels, geometry.pad, STEP * across + SIDE - STEP, np.float32
    )
    u_size, v_size, m_size = PLANES * u_pitch, PLANES * v_pitch, PLANES * m_pitch
    before = (panels * v_size if few else blocks * u_size) + LANES
    sizes = [
        (group * u_size if few else v_size) + LANES,
        (group * panels if few else 1) * m_size + LANES,
        (STEP * down + SIDE - STEP) * frame[FRAME_ROW] + READ + SPLIT,
        STEP * STEP * LANES + SPLIT,
        max(PLANES * LANES, TOGETHER * 9 * row),
    ]
    places = [sum(-(-size // 16) * 16 for size in sizes[:count]) for count in range(len(sizes) + 1)]
    before += -before % 16
    numbers = [*frame, channels, outputs, height, width, across, down, tiles, panel, panels]
    numbers += [9, 9 * outputs, 1] if turned else [9 * channels, 9, 0]
    numbers += [blocks, lesser, higher, *_addresses(lesser, higher, tiles, panel)]
    numbers += [row, u_pitch, v_pitch, m_pitch, portion, group, chunk, -(-channels // chunk)]
    numbers += [before, places[-1], *places[:-1], geometry.groups, part]
    return np.array(numbers, np.int64), before + places[-1] * most_threads()


def _addresses(lesser: int, higher: int, tiles: int, panel: int) -> list[int]:
    """Return the micro-kernels for both heights, then the narrow ones; 0 for those that are not called."""
    heights = [lesser, lesser + 1 if higher else 0]
    rest = tiles % panel
    narrow = panel == LANES or 0 < rest <= LANES
    wide = panel > LANES and (tiles > panel or rest == 0 or rest > LANES)
    return [
        tile_kernel("float32", height if wanted else 0, *vectors)
        for wanted, vectors in ((wide, ()), (narrow, (1,)))
        for height in heights
    ]
