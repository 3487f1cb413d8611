"""The family of layers that read images together with a label for each of their pixels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from pycaffelite.blob import Array
from pycaffelite.data.images import Planes
from pycaffelite.data.listing import RowShapes, Samples
from pycaffelite.data.transformer import Transformer
from pycaffelite.errors import DataError
from pycaffelite.kernels import transform as kernels

_NOTHING = np.zeros((1, 1, 1), np.float32)  # the mean of labels
_LABEL = 1


class Pair(NamedTuple):
    """An image and the labels of its pixels, of one height and width, and those that the image had in its file."""

    image: Array  # channels x height x width, bytes, or floats where the mean has been padded to it
    labels: Planes  # 1 x height x width
    size: tuple[int, int]


class PairSamples(Samples):
    """Base of what a list of pairs names; both are cropped and mirrored alike.

    Args:
        names: The names of a line, or a name and something else.
        transformer: What is done to the images; labels are only cropped and mirrored.
    """

    def __init__(self, names: list[tuple[str, str]], transformer: Transformer) -> None:
        super().__init__(transformer.generator)
        self.names = names
        self.transformer = transformer

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.names)

    def name(self, index: int) -> str:
        """Return how errors name an image."""
        return f"image `{self.names[index][0]}`"

    def shapes(self, sample: Pair) -> RowShapes:
        """Return the shapes of an image, of its labels, and of its two lengths."""
        shape = self.transformer.shape(sample.image.shape)
        return [shape, (1, *shape[1:]), (1, 1, 2)]

    def write(self, sample: Pair, rows: Sequence[Array]) -> None:
        """Transform image and labels alike."""
        data, labels, size = rows
        spare = [have - wanted for have, wanted in zip(sample.image.shape[1:], data.shape[1:], strict=True)]
        places = self.transformer.draw(1, *spare)
        self.transformer.apply_at(places, sample.image[None], data[None])
        classes = sample.labels[None].view()
        classes.flags.writeable = False  # as images are: the kernel has one signature
        kernels.transform(classes, *places, _NOTHING, np.ones(1, labels.dtype), labels[None])
        size[...] = np.minimum(sample.size, data.shape[1:])

    def check(self, index: int, image: Planes, labels: Planes) -> None:
        """Raise DataError unless image and labels are of one size."""
        if image.shape[1:] != labels.shape[1:]:
            raise DataError(
                f"{self.name(index)} and its labels differ in size",
                expected="x".join(map(str, image.shape[1:])),
                got=f"`{self.names[index][_LABEL]}` of " + "x".join(map(str, labels.shape[1:])),
            )
