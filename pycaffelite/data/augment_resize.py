"""Images brought to one size, in the ways of ResizeParameter, and the boxes in them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from pycaffelite.data.images import resize, resize_labels
from pycaffelite.errors import FieldError, ShapeError
from pycaffelite.kernels import augment
from pycaffelite.schema import messages

Array = npt.NDArray[Any]
Planes = npt.NDArray[np.uint8]  # channels x height x width
Size = tuple[int, int]  # height, width

_REACH = {messages.ResizeParameter.CUBIC: 2, messages.ResizeParameter.LANCZOS4: 4}  # pixels to each side
_PADS = {
    messages.ResizeParameter.CONSTANT: "constant",
    messages.ResizeParameter.MIRRORED: "reflect",
    messages.ResizeParameter.REPEAT_NEAREST: "edge",
}


class Resizer:
    """Resizes images as a ResizeParameter says; images and boxes are given in turn.

    Args:
        parameter: The message.
        generator: Draws one of the ways to interpolate for each image.
    """

    def __init__(self, parameter: Any, generator: np.random.Generator) -> None:
        if parameter.height < 1 or parameter.width < 1:
            raise FieldError(
                "the size to resize to is missing",
                expected="height and width in resize_param",
                got=f"height {parameter.height} and width {parameter.width}",
            )
        self.parameter = parameter
        self.generator = generator
        self.target = (int(parameter.height), int(parameter.width))
        self.fits_small = parameter.resize_mode == messages.ResizeParameter.FIT_SMALL_SIZE
        self.pads = parameter.resize_mode == messages.ResizeParameter.FIT_LARGE_SIZE_AND_PAD

    def size(self, old: Size) -> Size:
        """Return height and width that an image of this size gets, before padding."""
        aspect, (height, width) = old[1] / old[0], self.target
        if not self.fits_small and not self.pads:
            return self.target
        if (aspect > width / height) == self.pads:
            return max(1, int(width / aspect)), width
        return height, max(1, int(aspect * height))

    def apply(self, image: Planes) -> Planes:
        """Return the image in its new size."""
        modes = list(self.parameter.interp_mode) or [messages.ResizeParameter.LINEAR]
        mode = modes[int(self.generator.integers(len(modes)))] if len(modes) > 1 else modes[0]
        small = interpolate(image, self.size(image.shape[1:]), mode)
        return self._pad(small) if self.pads else small

    def boxes(self, boxes: Array, old: Size) -> Array:
        """Return boxes of an image of this old size as they lie in the new one, both in parts of the image."""
        inside = np.clip(boxes, 0, 1)
        if not self.pads:
            return inside
        height, width = self.target
        aspect = old[1] / old[0]
        across, down = (1.0, width / aspect / height) if aspect > width / height else (aspect * height / width, 1.0)
        scale = np.array([across, down, across, down])
        moved: Array = inside * scale + (1 - scale) / 2
        return moved

    def spread(self, old: Size, part: Array) -> Array | None:
        """Return the factors on boxes of a part of the resized image, where they are scaled to other pixels.

        Args:
            old: The size of the image before.
            part: Left, top, right and bottom of the part, in parts of the image.
        """
        scales = (int(self.parameter.width_scale), int(self.parameter.height_scale))
        if not self.fits_small or not all(scales):
            return None
        aspect, (height, width) = old[1] / old[0], (float(side) for side in self.target)
        if aspect < width / height:
            height = width / aspect
        else:
            width = height * aspect
        sides = np.array([width, height]) * (part[2:] - part[:2])
        return np.tile(sides / scales, 2)

    def _pad(self, image: Planes) -> Planes:
        """Return the image in the middle of one of the wanted size."""
        spare = [whole - side for whole, side in zip(self.target, image.shape[1:], strict=True)]
        around = [(0, 0)] + [(each // 2, each - each // 2) for each in spare]
        kind = _PADS[self.parameter.pad_mode]
        if kind != "constant":
            return np.pad(image, around, mode=kind)  # type: ignore[call-overload, no-any-return]
        values = list(self.parameter.pad_value) or [0.0]
        if len(values) not in (1, len(image)):
            raise ShapeError(
                "pad_value does not fit the image",
                expected=f"one pad_value, or {len(image)}, one for each channel",
                got=str(len(values)),
            )
        padded = np.empty((len(image), *self.target), np.uint8)
        padded[...] = np.clip(np.rint(values), 0, 255).astype(np.uint8)[:, None, None]
        (_, (top, _), (left, _)) = around
        padded[:, top : top + image.shape[1], left : left + image.shape[2]] = image
        return padded


def interpolate(image: Planes, size: Size, mode: int) -> Planes:
    """Return the image in another size, in one of the ways of `interp_mode`, as OpenCV understands them."""
    kinds = messages.ResizeParameter
    old = image.shape[1:]
    if mode == kinds.NEAREST:
        return resize_labels(image, size)
    shrinks = size[0] <= old[0] and size[1] <= old[1]
    if mode == kinds.LINEAR or (mode == kinds.AREA and not shrinks):
        return resize(image, size)
    taps = [_taps(length, target, mode) for length, target in zip(old, size, strict=True)]
    out = np.empty((len(image), *size), np.uint8)
    line = np.empty(old[1], np.float32)
    augment.resample(np.ascontiguousarray(image), *taps[0], *taps[1], line, out)
    return out


def _taps(length: int, target: int, mode: int) -> tuple[Array, Array]:
    """Return for each new position the old ones that it is made of, and their weights."""
    scale = length / target
    if mode == messages.ResizeParameter.AREA:
        begin = np.arange(target) * scale
        places = np.floor(begin).astype(np.int64)[:, None] + np.arange(int(np.ceil(scale)) + 1)
        covered = np.minimum(places + 1, (begin + scale)[:, None]) - np.maximum(places, begin[:, None])
        weights = np.maximum(covered, 0)
    else:
        reach = _REACH[mode]
        center = (np.arange(target) + 0.5) * scale - 0.5
        places = np.floor(center).astype(np.int64)[:, None] + np.arange(1 - reach, reach + 1)
        distance = np.abs(center[:, None] - places)
        weights = _cubic(distance) if reach == 2 else np.sinc(distance) * np.sinc(distance / reach)
    weights = weights / weights.sum(1, keepdims=True)
    return np.clip(places, 0, length - 1), weights.astype(np.float32)


def _cubic(distance: Array) -> Array:
    """Return the weights of cubic interpolation with a slope of -0.75 at distance 1."""
    slope = -0.75
    near = ((slope + 2) * distance - (slope + 3)) * distance**2 + 1
    far = slope * (((distance - 5) * distance + 8) * distance - 4)
    weights: Array = np.where(distance <= 1, near, np.where(distance < 2, far, 0))
    return weights
