"""Small sources in memory: what the first epoch decodes is kept, so that later ones only transform."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

MOST_BYTES = 64 << 20  # of pixels; MNIST has 47 million, CIFAR-10's 154 million are read again each epoch


class Resident:
    """The images and labels of a source's first records, and in the end of all of them.

    It takes images of bytes and of one shape, as long as they fit; where others come, it lets all go for good.
    """

    def __init__(self) -> None:
        self.length: int | None = None  # of the source, once it is here as a whole
        self._count = 0
        self._images: Array | None = None  # memory that is only taken as it is written to
        self._labels = np.zeros(0, np.int32)
        self._wanted = True

    def room(self, position: int, count: int, shape: tuple[int, ...]) -> Array | None:
        """Return memory for images that are to be offered, which saves their copy; None where they are not kept.

        Args:
            position: Ordinal of the first record.
            count: How many there are.
            shape: Channels, height and width of an image.
        """
        if self._images is None or position != self._count or self._images.shape[1:] != shape:
            return None
        return self._images[position : position + count] if position + count <= len(self._images) else None

    def offer(self, position: int, images: Array, labels: Array, length: int | None) -> None:
        """Look at a batch, whose first record is at `position`; keep what follows the records that are here.

        Args:
            position: Ordinal of the first record.
            images: (N, channels, height, width) bytes, of records one after the other, round and round.
            labels: (N,) int32.
            length: Number of records of the source, when it is known; the first follows the last.
        """
        if not self._wanted:
            return
        if self._images is None:
            row = images[0].size
            self._images = np.empty((MOST_BYTES // row, *images.shape[1:]), np.uint8)
            self._labels = np.empty(len(self._images), np.int32)
        start = self._count - position if length is None else (self._count - position) % length
        stop = len(images) if length is None else min(len(images), start + length - self._count)
        if images.shape[1:] != self._images.shape[1:] or self._count + max(0, stop - start) > len(self._images):
            self.refuse()
        elif 0 <= start < stop:
            end = self._count + stop - start
            if images.base is not self._images:
                self._images[self._count : end] = images[start:stop]
            self._labels[self._count : end] = labels[start:stop]
            self._count = end
        if self._wanted and self._count == length:
            self.length = length

    def refuse(self) -> None:
        """Keep nothing, now and later."""
        self._wanted, self._images, self._labels = False, None, np.zeros(0, np.int32)

    def rows(self, position: int, count: int) -> tuple[Array, Array]:
        """Return images and labels of `count` records from `position` on, the first one following the last.

        Only for a source that is here as a whole. It copies nothing unless the records go round.
        """
        assert self._images is not None
        assert self.length is not None
        if position + count <= self.length:
            return self._images[position : position + count], self._labels[position : position + count]
        ordinals = np.arange(position, position + count) % self.length
        return self._images[ordinals], self._labels[ordinals]
