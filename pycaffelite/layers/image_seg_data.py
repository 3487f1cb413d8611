"""ImageSegData: images and the classes of their pixels, of any size."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from pycaffelite.data.images import ImageFolder, Planes, read_image, read_labels, resize, resize_labels
from pycaffelite.data.listing import Samples, read_lines
from pycaffelite.data.transformer import Transformer
from pycaffelite.errors import DataError, FieldError
from pycaffelite.layers.base import Arity, Context
from pycaffelite.layers.listed_data import ListedDataLayer
from pycaffelite.layers.pixel_labels import Pair, PairSamples
from pycaffelite.layers.registry import register


@register("ImageSegData")
class ImageSegData(ListedDataLayer):
    """Read batches of images and the classes of their pixels, over and over; small images are padded to the crop.

    data[n, c, h, w] = (image[c, h, w] - mean) * scale, 0 where it is padded; label[n, 0, h, w] = class[h, w],
    ignore_label where it is padded.

    Bottoms: none.
    Tops: data (batch_size, C, H, W), blue, green, red; label (batch_size, 1, H, W); optionally the height and width of
        each image, at most those of the crop (batch_size, 1, 1, 2).
    Params: none.
    Fields: `image_data_param` as for ImageData; label_type: whether the second word of a line is a class (IMAGE, the
        default), the name of a label image (PIXEL), or not there (NONE: all is ignored); ignore_label (255).
        `transform_param` as for ImageData, but no mean_file; scale_factors, by one of which image and labels are
        resized at random.
    Backward: none.
    Errors: as ImageData; DataError too where an image and its labels differ in size, or a line lacks its label;
        FieldError for a mean_file or a factor that is not positive.
    Source: DeepLab's fork. Padding goes below the image and to its right, where the sizes end. A label image with a
    palette counts by its indices.
    """

    arity: ClassVar[Arity] = Arity(bottoms=(0, 0), tops=(2, 3))

    def __init__(self, message: Any, context: Context) -> None:
        super().__init__(message, context)
        transformation = message.transform_param
        if transformation.HasField("mean_file"):
            raise FieldError(
                "ImageSegData takes no mean image, as its images may be of any size",
                expected="mean_value, one or one for each channel",
                got=f"mean_file `{transformation.mean_file}`",
            )
        if any(not factor > 0 for factor in transformation.scale_factors):
            raise FieldError(
                "a scale factor is not positive",
                expected="scale_factors above 0",
                got=", ".join(f"{factor:g}" for factor in transformation.scale_factors),
            )

    def samples(self, lines: Path, images: ImageFolder, generator: np.random.Generator) -> Samples:
        """Read the list."""
        kind = self.fields.LabelType.Name(self.fields.label_type)
        names = [_split(line, lines, kind) for line in read_lines(lines)]
        factors = list(self.transformation().scale_factors)
        return _Segmentations(names, self.transformer(generator), images, self.fields, kind, factors)


class _Segmentations(PairSamples):
    """Images with classes of some kind."""

    def __init__(
        self,
        names: list[tuple[str, str]],
        transformer: Transformer,
        images: ImageFolder,
        fields: Any,
        kind: str,
        factors: Sequence[float],
    ) -> None:
        super().__init__(names, transformer)
        self.images = images
        self.fields = fields
        self.kind = kind
        self.factors = factors

    def read(self, index: int) -> Pair:
        """Read an image and its labels, resize them, and pad them to the crop."""
        image = read_image(self.images.locate(self.names[index][0]), color=self.fields.is_color)
        before = image.shape[1], image.shape[2]
        labels = self._labels(index, image)
        self.check(index, image, labels)
        if self.fields.new_height:
            size = self.fields.new_height, self.fields.new_width
            image, labels = resize(image, size), resize_labels(labels, size)
        if self.factors:
            factor = self.factors[int(self.generator.integers(len(self.factors)))]
            # In float32 and cut off, as the fork reckons it.
            height, width = (max(1, int(np.float32(length) * np.float32(factor))) for length in image.shape[1:])
            size = height, width
            image, labels = resize(image, size), resize_labels(labels, size)
        return self._padded(Pair(image, labels, before))

    def _labels(self, index: int, image: Planes) -> Planes:
        """Return the labels as the file has them, or as many of one kind as the image has pixels."""
        if self.kind == "PIXEL":
            return read_labels(self.images.locate(self.names[index][1]))
        label = int(self.names[index][1]) if self.kind == "IMAGE" else self.fields.ignore_label
        return np.full((1, *image.shape[1:]), label % 256, np.uint8)

    def _padded(self, pair: Pair) -> Pair:
        """Put the mean behind an image that is smaller than the crop, and behind its labels such that do not count."""
        crop = self.transformer.crop or (0, 0)
        missing = [max(0, wanted - have) for wanted, have in zip(crop, pair.image.shape[1:], strict=True)]
        if not any(missing):
            return pair
        frame = [(0, length) for length in missing]
        means = self.transformer.mean_values if self.transformer.mean_values.size else np.zeros(1, np.float32)
        planes = pair.image.astype(np.float32)
        padded = [
            np.pad(plane, frame, constant_values=mean)
            for plane, mean in zip(planes, np.broadcast_to(means, len(planes)), strict=True)
        ]
        labels = np.pad(pair.labels[0], frame, constant_values=self.fields.ignore_label % 256)
        return Pair(np.stack(padded), labels[None], pair.size)


def _split(line: str, path: Path, kind: str) -> tuple[str, str]:
    """Return the words of a line that count."""
    words = line.split()
    if kind == "NONE":
        return words[0], ""
    if len(words) < 2 or (kind == "IMAGE" and not words[1].lstrip("+-").isdigit()):
        raise DataError(
            "a line lacks its label",
            expected="an image and its class" if kind == "IMAGE" else "an image and its label image",
            got=f"`{path}`: {line}",
            hint="label_type says what the second word is: IMAGE, PIXEL, or NONE",
        )
    return words[0], words[1]
