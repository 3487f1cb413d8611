"""DenseImageData: images and the classes of their pixels."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import numpy as np

from pycaffelite.data.images import ImageFolder, read_image, read_labels, resize, resize_labels
from pycaffelite.data.listing import Samples, read_lines, two_names
from pycaffelite.data.transformer import Transformer
from pycaffelite.layers.listed_data import ListedDataLayer
from pycaffelite.layers.pixel_labels import Pair, PairSamples
from pycaffelite.layers.registry import register


@register("DenseImageData")
class DenseImageData(ListedDataLayer):
    """Read batches of images and label images that a list names, over and over.

    data[n, c, h, w] = (image[c, h, w] - mean) * scale; label[n, 0, h, w] = class[h, w].

    Bottoms: none.
    Tops: data (batch_size, C, H, W), blue, green, red; optionally label (batch_size, 1, H, W).
    Params: none.
    Fields: `dense_image_data_param`: source, a text file with the names of an image and of its label image on each
        line; root_folder; batch_size; rand_skip; shuffle; new_height, new_width (labels are picked, not mixed);
        is_color (true). `transform_param` as for ImageData; crops and flips are those of the image for the labels too.
    Backward: none.
    Errors: as ImageData; DataError too where an image and its labels differ in size, or a line has not two names.
    Source: the SegNet fork, which refuses to crop and to mirror. A label image with a palette counts by its indices.
    """

    field: ClassVar[str] = "dense_image_data_param"

    def samples(self, lines: Path, images: ImageFolder, generator: np.random.Generator) -> Samples:
        """Read the list."""
        names = [two_names(line, lines) for line in read_lines(lines)]
        return LabelImages(names, self.transformer(generator), images, self.size, color=self.fields.is_color)


class LabelImages(PairSamples):
    """Images with a label image each."""

    def __init__(
        self,
        names: list[tuple[str, str]],
        transformer: Transformer,
        images: ImageFolder,
        size: tuple[int, int] | None,
        *,
        color: bool,
    ) -> None:
        super().__init__(names, transformer)
        self.images = images
        self.size = size
        self.color = color

    def read(self, index: int) -> Pair:
        """Read and resize an image and its labels."""
        name, label_name = self.names[index]
        image = read_image(self.images.locate(name), color=self.color)
        labels = read_labels(self.images.locate(label_name))
        self.check(index, image, labels)
        before = image.shape[1], image.shape[2]
        if self.size is not None:
            image, labels = resize(image, self.size), resize_labels(labels, self.size)
        return Pair(image, labels, before)
