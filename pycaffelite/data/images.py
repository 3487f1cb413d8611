"""Image files: found, decoded to planes, resized."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from pycaffelite.data.datum import IMAGE_FORMATS, MOST_PIXELS, decode_image, why_unreadable
from pycaffelite.data.resident import MOST_BYTES
from pycaffelite.errors import DataError
from pycaffelite.kernels import resize as kernels

Planes = npt.NDArray[np.uint8]  # channels x height x width
Size = tuple[int, int]  # height, width

_BRIGHTNESS = np.array((3737, 19234, 9797), np.int32)  # of blue, green, red, in parts of 2^15


class ImageFolder:
    """Where the images of a list lie.

    Args:
        root: What stands before each name of the list: a folder, or, as in the reference, the beginning of a path.
        folder: The prototxt's folder, where names are looked for after the working folder.
    """

    def __init__(self, root: str, folder: Path) -> None:
        self.root = root
        self.folder = folder
        self._way = 0  # the one of the ways to make a path that led to the last file

    def locate(self, name: str) -> Path:
        """Return the path of a file; DataError where there is none."""
        ways = [Path(self.root + name), Path(self.root) / name]
        ways += [self.folder / way for way in ways]
        for number in (self._way, *range(len(ways))):
            path: Path = ways[number]
            if path.is_file():
                self._way = number
                return path
        raise DataError(
            "an image does not exist",
            expected=" or ".join(f"`{path}`" for path in dict.fromkeys(path.absolute() for path in ways)),
            got="nothing there",
            hint="names of the list stand behind root_folder, from the working folder or from the prototxt's",
        )


class Kept:
    """Decoded images, as many as fit into 64 MiB: a small set is decoded once, not in every epoch."""

    def __init__(self) -> None:
        self._images: dict[int, Planes] = {}
        self._room = MOST_BYTES

    def get(self, index: int, read: Callable[[], Planes]) -> Planes:
        """Return the image of this number, which `read` reads where it is not here."""
        image = self._images.get(index)
        if image is None:
            image = read()
            if image.nbytes <= self._room:
                self._room -= image.nbytes
                self._images[index] = image
        return image


def read_image(path: Path, *, color: bool, data: bytes | None = None) -> Planes:
    """Return an image as blue, green, red planes, or as one of grey; 16 bits become 8, and alpha goes.

    Args:
        path: The file.
        color: Whether the image has three planes.
        data: What is in the file, where that has been read before.
    """
    try:
        planes = decode_image(path, b"", _bytes_of(path) if data is None else data, force_color=True)
    except DataError as error:
        raise _unreadable(path, error.got or error.what) from None
    return planes if color else _gray(planes)


def read_labels(path: Path) -> Planes:
    """Return an image whose numbers are classes, 1 x height x width; of one with a palette its indices."""
    data = _bytes_of(path)
    try:
        with Image.open(io.BytesIO(data), formats=IMAGE_FORMATS) as image:
            if image.mode == "P" and image.width * image.height <= MOST_PIXELS:
                return np.asarray(image, np.uint8)[None]
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise _unreadable(path, why_unreadable(error)) from None
    return read_image(path, color=False)


def resize(image: Planes, size: Size) -> Planes:
    """Return the image in another size: bilinear between pixel centres, like OpenCV's default."""
    check_size(size)
    channels, height, width = image.shape
    if size == (height, width):
        return image
    out = np.empty((channels, *size), np.uint8)
    kernels.bilinear(np.ascontiguousarray(image), *_taps(height, size[0]), *_taps(width, size[1]), out)
    return out


def resize_labels(image: Planes, size: Size) -> Planes:
    """Return the image in another size: of each pixel the one that it begins in, like OpenCV's nearest neighbour."""
    check_size(size)
    _, height, width = image.shape
    rows, columns = (_nearest(length, target) for length, target in zip((height, width), size, strict=True))
    return np.ascontiguousarray(image[:, rows[:, None], columns])


def check_size(size: Size) -> None:
    """Raise DataError for a size that no image should be brought to."""
    if size[0] * size[1] > MOST_PIXELS:
        raise DataError(
            "images would become too large", expected=f"at most {MOST_PIXELS} pixels", got=f"{size[0]}x{size[1]}"
        )


def _gray(planes: Planes) -> Planes:
    """Return the brightness as libpng reckons it, in whole numbers."""
    weighted = np.tensordot(_BRIGHTNESS, planes.astype(np.int32), 1)
    return (weighted >> 15).astype(np.uint8)[None]


def _taps(length: int, target: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return for each new position the old one before it, and the weight of the one behind it."""
    places = ((np.arange(target) + 0.5) * (length / target) - 0.5).astype(np.float32)
    first = np.floor(places).astype(np.int64)
    weights = np.rint((places - first) * kernels.UNIT).astype(np.int64)
    outside = (first < 0) | (first >= length - 1)
    return np.clip(first, 0, length - 1), np.where(outside, 0, weights)


def _nearest(length: int, target: int) -> npt.NDArray[np.int64]:
    places: npt.NDArray[np.int64] = (np.arange(target) * (length / target)).astype(np.int64)
    return np.minimum(places, length - 1)


def _bytes_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise _unreadable(path, error.strerror or str(error)) from error


def _unreadable(path: Path, got: str) -> DataError:
    return DataError("an image cannot be read", expected="a PNG, JPEG, BMP, ... file", got=f"`{path}`: {got}")
