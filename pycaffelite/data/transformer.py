"""What TransformationParameter asks for: arithmetic on images, with an explicit random generator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from pycaffelite.data.records import sealed
from pycaffelite.errors import FieldError, ShapeError, UnsupportedError
from pycaffelite.kernels import transform as kernels

Image = npt.NDArray[Any]  # channels x height x width, uint8 or float32
# Of each image the first row and column of its crop, and whether it is mirrored.
Places = tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.bool_]]


class Transformer:
    """Turns images into the rows of a batch: (pixel - mean) * scale of a crop, perhaps mirrored.

    In TRAIN the place of the crop is random, in TEST it is the centre. `mirror` flips every other image at random, in
    TEST too, as Caffe 1.0 does.

    Args:
        parameter: The TransformationParameter message.
        phase: "TRAIN" or "TEST".
        generator: Where crops and flips come from.
        mean: The mean image, channels x height x width, when there is a mean file.
        augments: Whether somebody else does what the parameter says about sizes and colours.
    """

    def __init__(
        self,
        parameter: Any,
        phase: str,
        generator: np.random.Generator,
        mean: npt.NDArray[np.float32] | None = None,
        *,
        augments: bool = False,
    ) -> None:
        check_transformation(parameter)
        if not augments:
            _refuse_augmentation(parameter)
        self.crop = crop_of(parameter)
        self.mirror: bool = parameter.mirror
        self.scale: float = parameter.scale
        self.force_color: bool = parameter.force_color
        self.force_gray: bool = parameter.force_gray
        self._scale = np.array([self.scale], np.float32)  # of the type of the net
        self.mean_values = np.array(parameter.mean_value, np.float32)
        self._means = np.zeros((0, 1, 1), np.float32)  # mean_value for each channel, once their number is known
        self.mean = mean
        self.train = phase == "TRAIN"
        self.generator = generator

    @property
    def random(self) -> bool:
        """Whether it draws random numbers."""
        return self.mirror or bool(self.crop is not None and self.train)

    def shape(self, image: Sequence[int]) -> tuple[int, int, int]:
        """Return channels, height and width of what an image of this shape becomes; ShapeError when it cannot."""
        channels, height, width = image
        if self.crop is not None and (height < self.crop[0] or width < self.crop[1]):
            least = f"{self.crop[0]} (crop_size)" if self.crop[0] == self.crop[1] else "{} and {}".format(*self.crop)
            raise ShapeError(
                "the image is smaller than its crop",
                expected=f"height and width of at least {least}",
                got=f"an image of {channels}x{height}x{width}",
            )
        if self.mean is not None and self.mean.shape != (channels, height, width):
            raise ShapeError(
                "the mean does not fit the image",
                expected=f"a mean_file of {channels}x{height}x{width}, as the images are",
                got="x".join(map(str, self.mean.shape)),
                hint="compute the mean of this database, or use mean_value",
            )
        if self.mean_values.size > 1 and self.mean_values.size != channels:
            raise ShapeError(
                "mean_value does not fit the image",
                expected=f"one mean_value, or {channels}, one for each channel",
                got=f"{self.mean_values.size}",
            )
        return (channels, *self.crop) if self.crop is not None else (channels, height, width)

    def apply(self, images: Image, out: npt.NDArray[Any]) -> None:
        """Transform images of one shape (N x channels x height x width) into `out`, whose shape must be right."""
        N, C, H, W = images.shape
        assert out.shape == (N, *self.shape((C, H, W)))  # the kernel does not look
        self.apply_at(self.draw(N, H - out.shape[2], W - out.shape[3]), images, out)

    def apply_at(self, places: Places, images: Image, out: npt.NDArray[Any]) -> None:
        """Transform as `apply` does, with crops and flips that `draw` has given."""
        if out.dtype != self._scale.dtype:
            self._scale = np.array([self.scale], out.dtype)
        kernels.transform(sealed(np.ascontiguousarray(images)), *places, self._mean(images.shape[1]), self._scale, out)

    def draw(self, count: int, spare_rows: int, spare_columns: int) -> Places:
        """Return for each image the first row and column of its crop, and whether it is mirrored."""
        rows, columns, flips = _centres(count, spare_rows, spare_columns)
        if self.random:
            crops = self.crop is not None and self.train
            limits = [2] * self.mirror + [spare_rows + 1, spare_columns + 1] * crops
            # One image after the other, so that the numbers do not depend on how images are grouped.
            drawn = self.generator.integers(np.tile(limits, count)).reshape(count, -1)
            if self.mirror:
                flips = drawn[:, 0] == 1
            if crops:
                rows, columns = np.ascontiguousarray(drawn[:, -2]), np.ascontiguousarray(drawn[:, -1])
        return rows, columns, flips

    def cut(self, places: Places, images: Image) -> tuple[Image, Places]:
        """Return copies of what `apply_at` uses of large images, and where crops and flips are there.

        Only a mean image needs them as they are.
        """
        if self.mean is not None:
            return images, places
        rows, columns, flips = places
        _, height, width = self.shape(images.shape[1:])
        crops = [
            image[:, top : top + height, left : left + width]
            for image, top, left in zip(images, rows, columns, strict=True)
        ]
        nowhere = np.zeros_like(rows)
        return np.stack(crops), (nowhere, nowhere, flips)

    def _mean(self, channels: int) -> npt.NDArray[np.float32]:
        """Return the mean as the kernel takes it: a whole image, or channels x 1 x 1."""
        if self.mean is not None:
            return self.mean
        if len(self._means) != channels:
            values = self.mean_values if self.mean_values.size else np.zeros(1, np.float32)
            self._means = np.ascontiguousarray(np.broadcast_to(values[:, None, None], (channels, 1, 1)))
        return self._means

    def state(self) -> Mapping[str, Any] | None:
        """Return the state of the random generator, or None where none is used."""
        return dict(self.generator.bit_generator.state) if self.random else None

    def restore(self, state: Mapping[str, Any] | None) -> None:
        """Take up a state that `state` returned."""
        if state is not None:
            self.generator.bit_generator.state = state


@lru_cache(maxsize=4)
def _centres(count: int, spare_rows: int, spare_columns: int) -> Places:
    """Return for each image that its crop is in the middle, and not mirrored."""
    return np.full(count, spare_rows // 2), np.full(count, spare_columns // 2), np.zeros(count, np.bool_)


def check_transformation(parameter: Any) -> None:
    """Raise FieldError where fields contradict each other."""
    if parameter.HasField("mean_file") and parameter.mean_value:
        raise FieldError(
            "mean_file and mean_value exclude each other",
            expected="one of them in transform_param",
            got=f'mean_file: "{parameter.mean_file}" and {len(parameter.mean_value)} mean_value',
        )
    if parameter.force_color and parameter.force_gray:
        raise FieldError(
            "force_color and force_gray exclude each other",
            expected="one of them in transform_param",
            got="both",
        )


def _refuse_augmentation(parameter: Any) -> None:
    """Raise UnsupportedError for what only AnnotatedData does to images."""
    for name in ("resize_param", "noise_param", "distort_param", "expand_param", "emit_constraint"):
        if parameter.HasField(name):
            raise UnsupportedError(
                f"{name} is for AnnotatedData",
                expected="another way to change images here: convert them beforehand, or use AnnotatedData",
                got=f"{name} in transform_param",
            )


def crop_of(parameter: Any) -> tuple[int, int] | None:
    """Return height and width of the crop, None for none; FieldError where fields contradict each other."""
    ways = [
        (parameter.crop_size, parameter.crop_size),
        (parameter.crop_h, parameter.crop_w),
        (parameter.crop_height, parameter.crop_width),
    ]
    given = [way for way in ways if any(way)]
    if len(given) > 1 or not all(map(all, given)):
        raise FieldError(
            "the size of the crop is not clear",
            expected="crop_size, or crop_h and crop_w, or crop_height and crop_width",
            got=" and ".join(f"{height}x{width}" for height, width in given),
        )
    return given[0] if given else None
