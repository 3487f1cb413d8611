"""Windows into images, as the R-CNN lists have them: sampled, with their surroundings, brought to a square."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pycaffelite.data.images import ImageFolder, Planes, read_image, resize
from pycaffelite.data.listing import ArrayBatch, State
from pycaffelite.errors import DataError, ShapeError

Box = tuple[int, int, int, int]  # left, top, right, bottom, all within the window


@dataclass(frozen=True)
class Window:
    """A window: its image, its class (0: background), and where it is."""

    image: int
    label: int
    box: Box


@dataclass(frozen=True)
class WindowList:
    """What a window file holds: names of images, windows that show objects, and such that show background."""

    names: tuple[str, ...]
    foreground: tuple[Window, ...]
    background: tuple[Window, ...]


@dataclass(frozen=True)
class Placing:
    """What of an image goes where in the square.

    Attributes:
        box: What is cut out of the image.
        size: Height and width to which that is resized.
        top, left: Where that begins in the square.
    """

    box: Box
    size: tuple[int, int]
    top: int
    left: int


def read_windows(path: Path, fg_threshold: float, bg_threshold: float) -> WindowList:
    """Read a window file.

    For each image it has the lines `# index`, name, channels, height, width, number of windows, and for each window
    `class overlap left top right bottom`.

    Args:
        path: The file.
        fg_threshold: A window that overlaps an object by at least so much shows it.
        bg_threshold: Of the others, one that overlaps by less than this shows background; the rest is left out.
    """
    try:
        words = iter(path.read_text(encoding="utf-8", errors="surrogateescape").split())
    except OSError as error:
        raise DataError("the window file cannot be read", got=f"`{path}`: {error.strerror or error}") from error
    names: dict[int, str] = {}
    foreground, background = [], []
    try:
        for mark in words:
            if mark != "#":
                raise _damaged(path, names, f"`{mark}` where `#` should begin an image")
            number = int(next(words))
            names[number] = next(words)
            *_, count = [int(next(words)) for _ in range(4)]
            for _ in range(count):
                label, overlap = int(next(words)), float(next(words))
                left, top, right, bottom = [int(next(words)) for _ in range(4)]
                window = Window(number, label, (left, top, right, bottom))
                if overlap >= fg_threshold:
                    if label < 1:
                        raise _damaged(path, names, f"class {label} of a window that shows an object")
                    foreground.append(window)
                elif overlap < bg_threshold:
                    background.append(Window(number, 0, window.box))
    except (StopIteration, ValueError) as error:
        raise _damaged(path, names, str(error) or "the end of the file") from None
    if sorted(names) != list(range(len(names))):
        raise _damaged(path, names, "images that are not numbered from 0 on")
    return WindowList(tuple(names[n] for n in range(len(names))), tuple(foreground), tuple(background))


def place(box: Box, height: int, width: int, crop: int, context: int, *, square: bool, mirror: bool) -> Placing:
    """Return what to cut out of an image of this size for a window, and where it goes.

    Args:
        box: The window.
        height, width: Of the image.
        crop: Height and width of the square.
        context: Pixels of surroundings on each side of the square.
        square: Whether the window is widened to a square first, so that nothing is stretched.
        mirror: Whether the square will be flipped left to right: what is missing goes to the other side.
    """
    left, top, right, bottom = box
    if not (context or square):
        return Placing(box, (crop, crop), 0, 0)
    growth = crop / (crop - 2 * context)
    half_height, half_width = (bottom - top + 1) / 2, (right - left + 1) / 2
    middle_x, middle_y = left + half_width, top + half_height
    if square:
        half_height = half_width = max(half_height, half_width)
    left, right = _round(middle_x - half_width * growth), _round(middle_x + half_width * growth)
    top, bottom = _round(middle_y - half_height * growth), _round(middle_y + half_height * growth)
    # What reaches out of the image is cut off, and stays empty in the square.
    scale_x, scale_y = crop / (right - left + 1), crop / (bottom - top + 1)
    off_left, off_right = max(0, -left), max(0, right - width + 1)
    off_top, off_bottom = max(0, -top), max(0, bottom - height + 1)
    inside = (left + off_left, top + off_top, right - off_right, bottom - off_bottom)
    rows = _round((inside[3] - inside[1] + 1) * scale_y)
    columns = _round((inside[2] - inside[0] + 1) * scale_x)
    start_row, start_column = _round(off_top * scale_y), _round((off_right if mirror else off_left) * scale_x)
    return Placing(inside, (min(rows, crop - start_row), min(columns, crop - start_column)), start_row, start_column)


class WindowReader:
    """Makes batches of windows: background first, then objects, each chosen at random.

    Args:
        windows: The windows.
        images: Where the images are.
        fields: The WindowDataParameter message.
        transformation: The TransformationParameter message.
        mean: The mean image, or None.
        generator: Where random numbers come from.
    """

    def __init__(
        self,
        windows: WindowList,
        images: ImageFolder,
        fields: Any,
        transformation: Any,
        mean: npt.NDArray[np.float32] | None,
        generator: np.random.Generator,
    ) -> None:
        self.windows = windows
        self.images = images
        self.fields = fields
        self.mirror: bool = transformation.mirror
        self.scale: float = transformation.scale
        self.crop: int = transformation.crop_size
        values = np.array(transformation.mean_value, np.float32)
        self.mean_values = np.resize(values if values.size else np.zeros(1, np.float32), 3)
        self.mean = mean
        if mean is not None and not (mean.shape[0] == 3 and self.crop <= mean.shape[1] == mean.shape[2]):
            raise ShapeError(
                "the mean does not fit the windows",
                expected=f"a square mean_file of three channels, at least {self.crop}x{self.crop}",
                got="x".join(map(str, mean.shape)),
            )
        self.generator = generator
        objects = int(fields.batch_size * fields.fg_fraction)
        self.counts = fields.batch_size - objects, objects
        self._files: dict[str, bytes] = {}  # contents, where they are kept
        for count, kind, shown in zip(
            self.counts, (windows.background, windows.foreground), ("background", "an object"), strict=True
        ):
            if count and not kind:
                raise DataError(
                    f"no window shows {shown}",
                    expected=f"at least one, for {count} windows in each batch",
                    got=f"{len(windows.names)} images, {len(windows.foreground)} windows with objects, "
                    f"{len(windows.background)} with background",
                    hint="fg_threshold and bg_threshold say which is which, fg_fraction how many are taken",
                )

    def shapes(self) -> list[tuple[int, ...]]:
        """Return the shapes of a batch."""
        shape = (self.fields.batch_size, 3, self.crop, self.crop)
        return [shape, shape[:1]]

    def fill(self, batch: ArrayBatch) -> None:
        """Make the next batch."""
        if not batch.arrays:
            batch.arrays = [np.zeros(shape, batch.dtype) for shape in self.shapes()]
        data, labels = batch.arrays
        data.fill(0)
        kinds = [self.windows.background] * self.counts[0] + [self.windows.foreground] * self.counts[1]
        for n, kind in enumerate(kinds):
            window = kind[int(self.generator.integers(len(kind)))]
            mirror = self.mirror and bool(self.generator.integers(2))
            self._write(window, mirror, data[n])
            labels[n] = window.label
        batch.state = self.state()

    def state(self) -> State:
        """Return the state of the random generator."""
        return {"random": dict(self.generator.bit_generator.state)}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on where `state` was taken."""
        self.generator.bit_generator.state = state["random"]

    def _write(self, window: Window, mirror: bool, out: npt.NDArray[Any]) -> None:
        """Write a window into its square."""
        name = self.windows.names[window.image]
        image = self._image(name)
        _, height, width = image.shape
        square = self.fields.crop_mode == "square"
        placing = place(window.box, height, width, self.crop, self.fields.context_pad, square=square, mirror=mirror)
        left, top, right, bottom = placing.box
        if not (0 <= left <= right < width and 0 <= top <= bottom < height) or min(placing.size) < 1:
            raise DataError(
                f"a window does not lie in its image `{name}`",
                expected=f"left <= right and top <= bottom, within {width}x{height} pixels",
                got=" ".join(map(str, window.box)),
            )
        cut = resize(image[:, top : bottom + 1, left : right + 1], placing.size)
        cut = cut[:, :, ::-1] if mirror else cut
        rows = slice(placing.top, placing.top + placing.size[0])
        columns = slice(placing.left, placing.left + placing.size[1])
        out[:, rows, columns] = (cut - self._mean(rows, columns)) * np.float32(self.scale)

    def _mean(self, rows: slice, columns: slice) -> npt.NDArray[np.float32]:
        """Return the middle of the mean image, where there is one, or a number for each channel."""
        if self.mean is None:
            return self.mean_values[:, None, None]
        # One offset for both axes, as in the reference: mean images are square.
        start = (self.mean.shape[2] - self.crop) // 2
        return self.mean[:, start + rows.start : start + rows.stop, start + columns.start : start + columns.stop]

    def _image(self, name: str) -> Planes:
        """Return an image; its file is kept where the layer asks for that."""
        if name in self._files:
            return read_image(Path(name), color=True, data=self._files[name])
        path = self.images.locate(name)
        if self.fields.cache_images:
            self._files[name] = path.read_bytes()
        return read_image(path, color=True)


def _round(value: float) -> int:
    """Round halves away from zero, as C does."""
    return math.floor(abs(value) + 0.5) * (1 if value >= 0 else -1)


def _damaged(path: Path, names: Mapping[int, str], got: str) -> DataError:
    return DataError(
        "this is no window file",
        expected="for each image `# index`, name, channels, height, width, number of windows, and its windows: "
        "`class overlap left top right bottom`",
        got=f"{got}, in `{path}`, at image {max(0, len(names) - 1)}",
    )
