"""ImageData: image files and their labels, from a list."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pycaffelite.blob import Array
from pycaffelite.data.images import ImageFolder, Kept, Planes, read_image, resize
from pycaffelite.data.listing import RowShapes, Samples, name_and_label, read_lines
from pycaffelite.data.transformer import Transformer
from pycaffelite.layers.listed_data import ListedDataLayer
from pycaffelite.layers.registry import register


@register("ImageData")
class ImageData(ListedDataLayer):
    """Read batches of image files that a list names, over and over.

    data[n, c, h, w] = (image[c, h, w] - mean) * scale; c counts blue, green, red.

    Bottoms: none.
    Tops: data (batch_size, C, H, W), C being 3, or 1 without is_color; H and W those of the first image of the batch,
        or new_height and new_width, or crop_size; optionally label (batch_size,).
    Params: none.
    Fields: `image_data_param`: source, a text file with the name of an image and its label, a whole number, on each
        line; root_folder, put before each name; batch_size (1); rand_skip; shuffle, anew for each pass over the list;
        new_height, new_width; is_color (true). `transform_param { scale mirror crop_size mean_file mean_value }`.
    Backward: none.
    Errors: DataError when the list or an image is missing, empty or unreadable, or images of one batch differ in shape
        (two batches may); FieldError for a batch_size of 0; ShapeError when crop or mean do not fit the images.
    Source: Caffe's ImageDataLayer. Names are looked for from the working folder, then from the prototxt's. Images of 64
    MiB at most in all are kept in memory.
    """

    def samples(self, lines: Path, images: ImageFolder, generator: np.random.Generator) -> Samples:
        """Read the list."""
        return LabelledImages(lines, images, self.transformer(generator), self.size, color=self.fields.is_color)


class LabelledImages(Samples):
    """Images with a label each; a sample is an image and its label."""

    def __init__(
        self, lines: Path, images: ImageFolder, transformer: Transformer, size: tuple[int, int] | None, *, color: bool
    ) -> None:
        super().__init__(transformer.generator)
        self.entries = [name_and_label(line) for line in read_lines(lines)]
        self.images = images
        self.transformer = transformer
        self.size = size
        self.color = color
        self._kept = Kept()

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.entries)

    def name(self, index: int) -> str:
        """Return how errors name an image."""
        return f"image `{self.entries[index][0]}`"

    def read(self, index: int) -> tuple[Planes, int]:
        """Read and resize an image."""
        name, label = self.entries[index]
        return self._kept.get(index, lambda: self._read(name)), label

    def _read(self, name: str) -> Planes:
        image = read_image(self.images.locate(name), color=self.color)
        return image if self.size is None else resize(image, self.size)

    def shapes(self, sample: Any) -> RowShapes:
        """Return the shape of an image, and that of a number."""
        return [self.transformer.shape(sample[0].shape), ()]

    def write(self, sample: Any, rows: Sequence[Array]) -> None:
        """Transform the image."""
        image, label = sample
        self.transformer.apply(image[None], rows[0][None])
        rows[1][...] = label
