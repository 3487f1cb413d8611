"""ImageLabelmapData: images and edge maps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from pycaffelite.data.images import ImageFolder, read_image, resize
from pycaffelite.data.listing import Samples, read_lines, two_names
from pycaffelite.layers.listed_data import ListedDataLayer
from pycaffelite.layers.pixel_labels import Pair, PairSamples
from pycaffelite.layers.registry import register


@register("ImageLabelmapData")
class ImageLabelmapData(ListedDataLayer):
    """Read batches of images and edge maps that a list names, over and over.

    data[n, c, h, w] = (image[c, h, w] - mean) * scale; label[n, 0, h, w] = 1 where map[h, w] >= 128, else 0.

    Bottoms: none.
    Tops: data (batch_size, C, H, W), blue, green, red; optionally label (batch_size, 1, H, W).
    Params: none.
    Fields: as ImageData's; a line of the list holds the names of an image and of its map. Crops and flips are those of
        the image for the map too.
    Backward: none.
    Errors: as ImageData; DataError too where an image and its map differ in size, or a line has not two names.
    Source: the HED fork (Xie and Tu, Holistically-nested edge detection, 2015), which crops at random in TEST too; here
    the middle is taken then.
    """

    def samples(self, lines: Path, images: ImageFolder, generator: np.random.Generator) -> Samples:
        """Read the list."""
        names = [two_names(line, lines) for line in read_lines(lines)]
        return _EdgeMaps(names, self.transformer(generator), images, self.fields)


class _EdgeMaps(PairSamples):
    """Images with an edge map each."""

    def __init__(self, names: list[tuple[str, str]], transformer: Any, images: ImageFolder, fields: Any) -> None:
        super().__init__(names, transformer)
        self.images = images
        self.size = (fields.new_height, fields.new_width) if fields.new_height else None
        self.color: bool = fields.is_color

    def read(self, index: int) -> Pair:
        """Read and resize an image and its map; the map is rounded to zeros and ones after that."""
        name, map_name = self.names[index]
        image = read_image(self.images.locate(name), color=self.color)
        edges = read_image(self.images.locate(map_name), color=False)
        self.check(index, image, edges)
        before = image.shape[1], image.shape[2]
        if self.size is not None:
            image, edges = resize(image, self.size), resize(edges, self.size)
        return Pair(image, (edges >= 128).astype(np.uint8), before)
