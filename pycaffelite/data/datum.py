"""Datum messages, the records of Caffe's databases: an image or a vector, and a label."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from google.protobuf.message import DecodeError
from PIL import Image, UnidentifiedImageError

from pycaffelite.data.sources.base import Item
from pycaffelite.errors import DataError
from pycaffelite.schema import messages

# Images are decoded no larger than this; a damaged header must not ask for all memory.
MOST_PIXELS = 1 << 26
# What Caffe's own decoder reads. Pillow knows more, and starts another program for one of them (EPS).
IMAGE_FORMATS = ("PNG", "JPEG", "BMP", "PPM", "TIFF", "WEBP", "GIF", "JPEG2000")

_REMAKE = "was the database made for Caffe, and copied whole?"


def read_datum(path: Path, key: bytes, value: bytes) -> Any:
    """Return the Datum message that a record holds."""
    try:
        datum = messages.Datum.FromString(value)
    except DecodeError:
        raise _bad(path, key, f"{len(value)} bytes that are no Datum message") from None
    if not datum.data and not datum.float_data:
        raise _bad(path, key, f"a Datum without data ({len(value)} bytes)")
    return datum


def datum_array(
    path: Path, key: bytes, datum: Any, *, force_color: bool = False, force_gray: bool = False
) -> npt.NDArray[np.uint8] | npt.NDArray[np.float32]:
    """Return the image of a datum, channels x height x width; colour in the order blue, green, red.

    Args:
        path: The database, for errors.
        key: The record's key, for errors.
        datum: The message.
        force_color: Whether an encoded grey image becomes one of three channels.
        force_gray: Whether an encoded colour image becomes one of one channel.
    """
    if datum.encoded:
        return decode_image(path, key, datum.data, force_color=force_color, force_gray=force_gray)
    shape = (datum.channels, datum.height, datum.width)
    values: Any
    values = np.frombuffer(datum.data, np.uint8) if datum.data else np.array(datum.float_data, np.float32)
    if min(shape) < 1 or shape[0] * shape[1] * shape[2] != values.size:
        raise _bad(path, key, f"{values.size} values for channels x height x width {shape[0]}x{shape[1]}x{shape[2]}")
    return values.reshape(shape)  # type: ignore[no-any-return]


def decode_image(
    path: Path, key: bytes, data: bytes, *, force_color: bool = False, force_gray: bool = False
) -> npt.NDArray[np.uint8]:
    """Decode a compressed image (PNG, JPEG, ...) to planes: one of grey, or blue, green, red, and alpha if it has one.

    Forced to colour or grey there is no alpha, and 16 bits become 8; otherwise the reference refuses 16 bits.
    """
    forced = force_color or force_gray
    try:
        with Image.open(io.BytesIO(data), formats=IMAGE_FORMATS) as image:
            if image.width * image.height > MOST_PIXELS:
                raise _bad(path, key, f"an encoded image of {image.width}x{image.height} pixels")
            deep = image.mode.startswith("I")
            if deep and not forced:
                raise _bad(path, key, "an encoded image of 16 bits a pixel, which force_gray would cut to 8")
            alpha = not forced and (image.mode in ("LA", "PA", "RGBA") or "transparency" in image.info)
            gray = image.mode in ("1", "L", "F")
            wanted = "RGBA" if alpha else "L" if force_gray or (gray and not force_color) else "RGB"
            shallow = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8)) if deep else image
            pixels = np.asarray(shallow.convert(wanted))
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise _bad(path, key, f"an encoded image that cannot be decoded ({why_unreadable(error)})") from None
    planes = pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)
    return np.ascontiguousarray(planes if len(planes) == 1 else planes[[2, 1, 0, 3][: len(planes)]])


def why_unreadable(error: Exception) -> str:
    """Return what Pillow said of an image, without the address of an object in memory."""
    return "no format that is known" if isinstance(error, UnidentifiedImageError) else str(error)


def make_datum(image: npt.NDArray[np.uint8], label: int) -> bytes:
    """Return the bytes of the datum of an image, channels x height x width or height x width."""
    channels, height, width = image.shape if image.ndim == 3 else (1, *image.shape)
    datum = messages.Datum(channels=channels, height=height, width=width, data=image.tobytes(), label=label)
    return bytes(datum.SerializeToString())


def image_items(images: npt.NDArray[np.uint8], labels: npt.NDArray[np.uint8]) -> Iterator[Item]:
    """Yield the records of images, under the keys that Caffe's MNIST tool gives them."""
    for number, (image, label) in enumerate(zip(images, labels, strict=True)):
        yield b"%08d" % number, make_datum(image, int(label))


def record_name(path: Path, key: bytes) -> str:
    """Return how error messages name a record."""
    return f"record `{key.decode(errors='backslashreplace')}` of `{path}`"


def _bad(path: Path, key: bytes, got: str) -> DataError:
    """Return the error for a record that holds no usable datum."""
    return DataError(
        f"{record_name(path, key)} cannot be used", expected="a Datum message with an image", got=got, hint=_REMAKE
    )
