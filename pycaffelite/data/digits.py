"""Digits: a data set of written digits that is rendered here, for machines without MNIST.

Every image begins as one of several ways to write its digit, which is then bent, slanted, turned, scaled, shifted,
drawn with a pen of its own width and pressure, and speckled. All random numbers come from the raw bits of PCG64, which
NumPy promises never to change, and geometry uses only +, -, *, / on arrays: the same bytes on every platform.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pycaffelite.data.cache import cache_folder
from pycaffelite.data.database import refuse_existing, write_database
from pycaffelite.data.datum import image_items
from pycaffelite.data.digit_strokes import STYLES, strokes
from pycaffelite.errors import DataError
from pycaffelite.kernels.ink import UNIT, draw_strokes

SIZE = 28  # pixels
COUNTS = {"train": 20_000, "test": 4_000}
SEEDS = {"train": 1989, "test": 1998}
EDITION = 1  # goes up when the images change, so that old ones in a cache are not taken for new ones
SAMPLES = 14  # points of the curve from one control point to the next

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Hand:
    """How far handwriting varies; each number is the standard deviation, or the range, of its kind.

    Attributes:
        wobble: Of each control point, in halves of the box.
        bend: Of the coefficients of the distortion, in halves of the box.
        slant: Of the shear.
        turn: Of half the angle's tangent.
        stretch: Of width and height, relative.
        shift: Of the place, in pixels.
        pen: Least and most radius of the pen, in pixels.
        specks: Of 256 pixels, how many are noise.
        grain: Most by which noise lightens or darkens ink, in grey values.
    """

    wobble: float = 0.055
    bend: float = 0.085
    slant: float = 0.22
    turn: float = 0.07
    stretch: float = 0.12
    shift: float = 0.9
    pen: tuple[float, float] = (0.35, 1.25)
    specks: int = 1
    grain: int = 48


HAND = Hand()


class _Dice:
    """Random numbers from raw bits."""

    def __init__(self, seed: int) -> None:
        self.bits = np.random.PCG64(seed)

    def words(self, *shape: int) -> npt.NDArray[np.uint64]:
        """Return 64-bit words."""
        count = int(np.prod(shape))
        return np.asarray(self.bits.random_raw(count), np.uint64).reshape(shape)

    def uniform(self, *shape: int) -> Floats:
        """Return numbers from 0 to 1, of 16 bits."""
        return (self.words(*shape) >> np.uint64(48)).astype(np.float64) / 65536

    def normal(self, *shape: int) -> Floats:
        """Return numbers of about normal distribution: sums of four, which are never far out."""
        words = self.words(*shape)
        parts = [(words >> np.uint64(16 * k)) & np.uint64(0xFFFF) for k in range(4)]
        total: Floats = (parts[0] + parts[1] + parts[2] + parts[3]).astype(np.float64) / 65536
        return (total - 2) * 1.7320508  # the standard deviation of the sum is 1 / sqrt(3)


def make_digits(count: int, seed: int, hand: Hand = HAND) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """Return images (count x 28 x 28) and labels (count) in random order, every digit equally often.

    Args:
        count: How many.
        seed: What the images depend on.
        hand: How far they vary.
    """
    dice = _Dice(seed)
    labels = (np.arange(count) % 10).astype(np.uint8)
    labels = labels[np.argsort(dice.words(count), kind="stable")]
    styles = dice.words(count) >> np.uint64(32)
    images = np.zeros((count, SIZE, SIZE), np.uint8)
    for digit, ways in STYLES.items():
        for k, style in enumerate(ways):
            chosen = np.flatnonzero((labels == digit) & (styles % np.uint64(len(ways)) == k))
            if chosen.size:
                images[chosen] = _render(style, len(chosen), dice, hand)
    return images, labels


def make_digit_databases(
    out: Path,
    *,
    backend: str = "leveldb",
    counts: dict[str, int] | None = None,
    force: bool = False,
    made: Callable[[Path, int], None] = lambda _path, _count: None,
) -> list[Path]:
    """Make the databases digits-train-BACKEND and digits-test-BACKEND; return their paths.

    Args:
        out: The folder they go into.
        backend: "leveldb" or "lmdb".
        counts: How many of "train" and "test".
        force: Whether existing databases are replaced.
        made: Is told of each finished database and its number of records.
    """
    paths = {half: out / f"digits-{half}-{backend}" for half in COUNTS}
    for path in paths.values():
        refuse_existing(path, force=force)
    for half, path in paths.items():
        images, labels = make_digits((counts or COUNTS)[half], SEEDS[half])
        made(path, write_database(path, backend, image_items(images, labels), force=force))
    return list(paths.values())


def digits_database(half: str, *, notify: Callable[[str], None]) -> Path:
    """Return the LevelDB of the digits for "train" or "test", made now unless it is in the user's cache folder."""
    return kept_database("digits", half, EDITION, COUNTS[half], lambda: make_digits(COUNTS[half], SEEDS[half]), notify)


def kept_database(
    name: str,
    half: str,
    edition: int,
    count: int,
    make: Callable[[], tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]],
    notify: Callable[[str], None],
) -> Path:
    """Return the LevelDB of a data set that is rendered here, made now unless it is in the user's cache folder.

    Args:
        name: What the set is called.
        half: "train" or "test".
        edition: Goes up when the images change.
        count: How many images it has.
        make: Makes images and labels.
        notify: Is told when it is made.
    """
    folder = cache_folder() / name.replace(" ", "-") / str(edition)
    path = folder / f"{name.replace(' ', '-')}-{half}-leveldb"
    if not path.exists():
        notify(f"making {count:,} {name} for `{half}`, once, in `{folder}`")
        images, labels = make()
        try:
            write_database(path, "leveldb", image_items(images, labels))
        except DataError as error:
            if path.exists():  # another process has just made the same
                return path
            _own_folder.append(tempfile.TemporaryDirectory(prefix="pycaffelite-digits-"))
            path = Path(_own_folder[-1].name) / path.name
            notify(f"{error.what} ({error.got}): keeping the digits in `{path}` until this program ends")
            write_database(path, "leveldb", image_items(images, labels))
    return path


_own_folder: list[tempfile.TemporaryDirectory[str]] = []


def _render(style: str, count: int, dice: _Dice, hand: Hand) -> npt.NDArray[np.uint8]:
    """Return `count` images of one style."""
    x, y = _curve(style, count, dice, hand.wobble)
    x, y = _bend(x, y, dice, hand.bend)
    x, y = _place(x, y, dice, hand)
    points = np.stack([x, y], axis=2)
    inner, outer = _pen(x.shape, dice, hand)
    ink = 170 + (dice.uniform(count) * 86).astype(np.int64)
    images = np.zeros((count, SIZE, SIZE), np.uint8)
    draw_strokes(_steps(points), inner, outer, ink, images)
    return _speckle(images, dice, hand)


def _steps(pixels: Floats) -> npt.NDArray[np.int64]:
    """Return lengths in pixels as whole steps of the drawing kernel."""
    return np.asarray(np.floor(pixels * UNIT), np.int64)


def _curve(style: str, count: int, dice: _Dice, wobble: float) -> tuple[Floats, Floats]:
    """Return points (count x P) along the strokes: Catmull-Rom splines through wobbling control points."""
    pieces_x: list[Floats] = []
    pieces_y: list[Floats] = []
    for stroke in strokes(style):
        control = np.array(stroke)
        moved = control[None] + wobble * dice.normal(count, len(control), 2)
        for axis, pieces in ((0, pieces_x), (1, pieces_y)):
            c = moved[:, :, axis]
            c = np.concatenate([c[:, :1], c, c[:, -1:]], axis=1)
            for s in range(SAMPLES + 1):
                pieces.append(_spline(c[:, :-3], c[:, 1:-2], c[:, 2:-1], c[:, 3:], s / SAMPLES))
    return np.concatenate(pieces_x, axis=1), np.concatenate(pieces_y, axis=1)


def _spline(a: Floats, b: Floats, c: Floats, d: Floats, t: float) -> Floats:
    """Return the point of a Catmull-Rom spline between b and c, where t goes from 0 to 1."""
    return 0.5 * (2 * b + t * ((c - a) + t * ((2 * a - 5 * b + 4 * c - d) + t * (3 * b - a - 3 * c + d))))


def _bend(x: Floats, y: Floats, dice: _Dice, strength: float) -> tuple[Floats, Floats]:
    """Distort the plane smoothly: each coordinate moves by a random polynomial of both."""
    powers = (x * x, x * y, y * y, x * x * x, x * x * y, x * y * y, y * y * y)
    moves = []
    for _axis in range(2):
        weights = strength * dice.normal(len(x), len(powers))
        moves.append(sum((weights[:, k : k + 1] * power for k, power in enumerate(powers)), np.zeros_like(x)))
    return x + moves[0], y + moves[1]


def _place(x: Floats, y: Floats, dice: _Dice, hand: Hand) -> tuple[Floats, Floats]:
    """Slant, stretch, turn and shift; return pixels. The middle of what is drawn comes near the middle."""
    count = len(x)
    slant, turn = hand.slant * dice.normal(count, 1), hand.turn * dice.normal(count, 1)
    wide, high = (1 + hand.stretch * dice.normal(count, 1) for _ in range(2))
    x, y = (x - slant * y) * wide * 7.0, y * high * 9.3
    # A turn without sine and cosine, whose last bits differ between platforms.
    cosine, sine = (1 - turn * turn) / (1 + turn * turn), 2 * turn / (1 + turn * turn)
    x, y = x * cosine - y * sine, x * sine + y * cosine
    placed = []
    for values in (x, y):
        middle = (values.min(axis=1, keepdims=True) + values.max(axis=1, keepdims=True)) / 2
        placed.append(values - middle + SIZE / 2 + hand.shift * dice.normal(count, 1))
    return placed[0], placed[1]


def _pen(shape: tuple[int, ...], dice: _Dice, hand: Hand) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return the radii of full ink and of no ink at each point: a width for the image, a pressure that changes."""
    count, points = shape
    thin, thick = hand.pen
    radius = thin + (thick - thin) * dice.uniform(count, 1)
    start, end = (0.8 + 0.4 * dice.uniform(count, 1) for _ in range(2))
    along = np.arange(points) / points
    inner = radius * (start + (end - start) * along)
    soft = 0.7 + 0.5 * dice.uniform(count, 1)
    return _steps(inner), _steps(inner + soft)


def _speckle(images: npt.NDArray[np.uint8], dice: _Dice, hand: Hand) -> npt.NDArray[np.uint8]:
    """Make ink grainy, and set single pixels to any grey."""
    words = dice.words(*images.shape)
    grain = ((words & np.uint64(0xFF)).astype(np.int64) - 128) * hand.grain // 128
    noisy = np.where(images > 0, np.clip(images + grain, 0, 255), 0)
    speck = (words >> np.uint64(8) & np.uint64(0xFF)) < hand.specks
    return np.where(speck, words >> np.uint64(16) & np.uint64(0xFF), noisy.astype(np.uint64)).astype(np.uint8)
