"""Coloured digits: small colour images of ten classes that are made here, for machines without CIFAR-10.

Each is a digit of `digits` in a colour of its own, over a ground that runs from one colour to another, with noise over
all. Colour says nothing about the class. As there, the same bytes on every platform.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pycaffelite.data.digits import kept_database, make_digits

SIZE = 32  # pixels
COUNTS = {"train": 10_000, "test": 2_000}
SEEDS = {"train": 2009, "test": 2015}
EDITION = 1  # goes up when the images change, so that old ones in a cache are not taken for new ones
_CONTRAST = 72  # grey values by which ink is lighter or darker than the ground, at least
_NOISE = 25  # grey values between the least and the most noise


def make_color_digits(count: int, seed: int) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """Return images (count x 3 x 32 x 32) and labels (count) in random order, every digit equally often."""
    digits, labels = make_digits(count, seed)
    images = np.empty((count, 3, SIZE, SIZE), np.uint8)
    bits = np.random.PCG64(seed)
    for first in range(0, count, 1000):
        part = slice(first, min(first + 1000, count))
        images[part] = _colored(digits[part], bits)
    return images, labels


def color_digits_database(half: str, *, notify: Callable[[str], None]) -> Path:
    """Return the LevelDB of them for "train" or "test", made now unless it is in the user's cache folder."""
    count = COUNTS[half]
    return kept_database("coloured digits", half, EDITION, count, lambda: make_color_digits(count, SEEDS[half]), notify)


def _colored(digits: npt.NDArray[np.uint8], bits: np.random.PCG64) -> npt.NDArray[np.int64]:
    """Paint digits over grounds."""
    count, size = digits.shape[:2]
    margin = (SIZE - size) // 2
    ink = np.zeros((count, 1, SIZE, SIZE), np.int64)
    ink[:, 0, margin : margin + size, margin : margin + size] = digits
    ends = _numbers(bits, (count, 3, 2), 256)
    lighter = ends.sum(axis=(1, 2)) < 6 * 128
    strength = _CONTRAST + _numbers(bits, (count, 3), 256 - _CONTRAST) // 2
    ramp = np.arange(SIZE)
    across = _numbers(bits, (count, 1, 1, 1), 2) == 1
    step = np.where(across, ramp[None, None, None, :], ramp[None, None, :, None])
    low, high = ends[:, :, :1, None], ends[:, :, 1:, None]
    ground = low + (high - low) * step // (SIZE - 1)
    color = ground + (np.where(lighter, 1, -1)[:, None] * strength)[:, :, None, None]
    noise = _numbers(bits, (count, 3, SIZE, SIZE), _NOISE) - _NOISE // 2
    painted: npt.NDArray[np.int64] = ground + (color - ground) * ink // 255 + noise
    return painted.clip(0, 255)


def _numbers(bits: np.random.PCG64, shape: tuple[int, ...], below: int) -> npt.NDArray[np.int64]:
    """Draw whole numbers from 0 on, from the upper halves of raw words."""
    words = bits.random_raw(int(np.prod(shape))) >> np.uint64(32)
    return ((words * np.uint64(below)) >> np.uint64(32)).astype(np.int64).reshape(shape)
