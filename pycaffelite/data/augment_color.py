"""Colours changed at random, in the ways of DistortionParameter, and images damaged, in those of NoiseParameter."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from pycaffelite.errors import FieldError
from pycaffelite.kernels import augment

Array = npt.NDArray[Any]
Planes = npt.NDArray[np.uint8]  # channels x height x width; three channels are blue, green, red

_BRIGHTNESS = np.array((1868, 9617, 4899), np.int32)  # of blue, green, red, in parts of 2^14
_BLUR = np.exp(-(np.arange(-3, 4) ** 2) / (2 * 1.5**2))  # seven pixels, of standard deviation 1.5
_STEP = 64  # of posterized levels


def check_distortion(parameter: Any) -> None:
    """Raise FieldError where factors are below 0 or the smallest is the larger one."""
    for name in ("contrast", "saturation"):
        lower, upper = getattr(parameter, f"{name}_lower"), getattr(parameter, f"{name}_upper")
        if not 0 <= lower <= upper:
            raise FieldError(
                f"the factors of {name} are wrong",
                expected=f"{name}_lower of at least 0 and at most {name}_upper",
                got=f"{lower:g} and {upper:g}",
            )


def distort(image: Planes, parameter: Any, generator: np.random.Generator) -> Planes:
    """Return the image in other colours; hue and saturation only of three channels.

    Brightness comes first, then contrast, saturation and hue, or, by the toss of a coin, saturation, hue and contrast;
    then channels are shuffled.
    """
    contrast_first = generator.random() > 0.5
    image = _brighten(image, parameter, generator)
    if contrast_first:
        image = _contrast(image, parameter, generator)
    image = _saturate(image, parameter, generator)
    image = _turn(image, parameter, generator)
    if not contrast_first:
        image = _contrast(image, parameter, generator)
    if generator.random() < parameter.random_order_prob:
        image = np.ascontiguousarray(image[generator.permutation(len(image))])
    return image


def _brighten(image: Planes, parameter: Any, generator: np.random.Generator) -> Planes:
    if generator.random() >= parameter.brightness_prob:
        return image
    return _mapped(image, 1.0, generator.uniform(-parameter.brightness_delta, parameter.brightness_delta))


def _contrast(image: Planes, parameter: Any, generator: np.random.Generator) -> Planes:
    if generator.random() >= parameter.contrast_prob:
        return image
    return _mapped(image, generator.uniform(parameter.contrast_lower, parameter.contrast_upper), 0.0)


def _saturate(image: Planes, parameter: Any, generator: np.random.Generator) -> Planes:
    if generator.random() >= parameter.saturation_prob:
        return image
    return _recolored(image, 0.0, generator.uniform(parameter.saturation_lower, parameter.saturation_upper))


def _turn(image: Planes, parameter: Any, generator: np.random.Generator) -> Planes:
    if generator.random() >= parameter.hue_prob:
        return image
    return _recolored(image, generator.uniform(-parameter.hue_delta, parameter.hue_delta), 1.0)


def _mapped(image: Planes, factor: float, shift: float) -> Planes:
    """Return factor times each value plus shift."""
    table: Planes = np.clip(np.rint(np.arange(256) * factor + shift), 0, 255).astype(np.uint8)
    return table.take(image)


def _recolored(image: Planes, hue: float, saturation: float) -> Planes:
    if len(image) != 3:
        return image
    out = np.empty(image.shape, np.uint8)
    augment.shift_colors(np.ascontiguousarray(image), hue, saturation, out)
    return out


def damage(image: Planes, parameter: Any, generator: np.random.Generator) -> Planes:
    """Return the image with everything done to it that the parameter names."""
    if parameter.decolorize and len(image) == 3:
        image = np.repeat(_gray(image)[None], 3, axis=0)
    if parameter.gauss_blur:
        image = _blurred(image)
    if parameter.hist_eq:
        image = _equalized(image)
    if parameter.jpeg > 0:
        image = _compressed(image, parameter.jpeg)
    if parameter.erode:
        image = _eroded(image)
    if parameter.posterize:
        image = image // _STEP * _STEP + _STEP // 2
    if parameter.inverse:
        image = 255 - image
    if parameter.saltpepper:
        image = _peppered(image, parameter.saltpepper_param, generator)
    return np.ascontiguousarray(image)


def _bytes(values: Array) -> Planes:
    rounded: Planes = np.clip(np.rint(values), 0, 255).astype(np.uint8)
    return rounded


def _gray(image: Planes) -> Planes:
    """Return the brightness of three channels."""
    weighted = np.tensordot(_BRIGHTNESS, image.astype(np.int32), 1)
    return _bytes((weighted + (1 << 13)) >> 14)


def _blurred(image: Planes) -> Planes:
    weights = _BLUR / _BLUR.sum()
    values = image.astype(np.float64)
    for axis in (1, 2):
        around = [(3, 3) if each == axis else (0, 0) for each in range(3)]
        wide = np.pad(values, around, mode="reflect" if values.shape[axis] > 3 else "edge")
        length = values.shape[axis]
        values = np.sum([w * wide.take(range(k, k + length), axis) for k, w in enumerate(weights)], axis=0)
    return _bytes(values)


def _equalized(image: Planes) -> Planes:
    """Spread the brightness of an image evenly, with its colours as they are."""
    light = _gray(image) if len(image) == 3 else image[0]
    counts = np.bincount(light.reshape(-1), minlength=256)
    first = int(np.argmax(counts > 0))
    rest = light.size - counts[first]
    if not rest:
        return image
    table = np.clip(np.rint((np.cumsum(counts) - counts[first]) * (255 / rest)), 0, 255)
    if len(image) != 3:
        return _bytes(table[image])
    # Blue and red differ from brightness as before, and green is what is left of it.
    even = table[light]
    blue, red = (even + (image[c].astype(np.float64) - light) for c in (0, 2))
    parts = _BRIGHTNESS / _BRIGHTNESS.sum()
    green = (even - parts[0] * blue - parts[2] * red) / parts[1]
    return _bytes(np.stack((blue, green, red)))


def _compressed(image: Planes, quality: float) -> Planes:
    """Return what JPEG leaves of the image."""
    pixels = image[0] if len(image) != 3 else np.ascontiguousarray(image[::-1].transpose(1, 2, 0))
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG", quality=int(min(quality, 100)))
    back = np.asarray(Image.open(stream))
    return back[None] if back.ndim == 2 else np.ascontiguousarray(back.transpose(2, 0, 1)[::-1])


def _eroded(image: Planes) -> Planes:
    """Return for each pixel the least of it and its four neighbours."""
    wide = np.pad(image, [(0, 0), (1, 1), (1, 1)], mode="edge")
    crosswise = (wide[:, :-2, 1:-1], wide[:, 2:, 1:-1], wide[:, 1:-1, :-2], wide[:, 1:-1, 2:])
    least: Planes = np.minimum.reduce([image, *crosswise])
    return least


def _peppered(image: Planes, parameter: Any, generator: np.random.Generator) -> Planes:
    channels, height, width = image.shape
    values = list(parameter.value)
    if len(values) not in (1, channels):
        raise FieldError(
            "the values of saltpepper_param do not fit the image",
            expected=f"one value, or {channels}, one for each channel",
            got=str(len(values)),
        )
    count = int(parameter.fraction * height * width)
    rows, columns = generator.integers(height, size=count), generator.integers(width, size=count)
    image = image.copy()
    image[:, rows, columns] = np.clip(values, 0, 255).astype(np.uint8)[:, None]
    return image
