"""The reader decides order, epochs and sharding, and makes batches of records."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt

from pycaffelite.data.datum import datum_array, read_datum, record_name
from pycaffelite.data.form import Form
from pycaffelite.data.resident import Resident
from pycaffelite.data.sources.base import Item, Source
from pycaffelite.data.transformer import Transformer
from pycaffelite.errors import DataError

Array = npt.NDArray[Any]
State = dict[str, Any]


@dataclass
class Batch:
    """One batch: data (N x channels x height x width), labels (N), and the reader's state behind it."""

    data: Array
    labels: Array
    state: State


class BatchReader:
    """Reads records in key order, over and over, and makes batches of them.

    A small source is read once: from the second epoch on its records are in memory. Not where it is sharded, as then
    others' records are not decoded.

    Args:
        source: The records.
        transformer: What turns an image into a row of the batch.
        rank: Which of the shards is ours.
        size: Into how many shards the records are dealt, one by one, like cards.
        skip: How many records to skip at the very beginning.
    """

    def __init__(
        self, source: Source, transformer: Transformer, *, rank: int = 0, size: int = 1, skip: int = 0
    ) -> None:
        self.source = source
        self.transformer = transformer
        self.rank = rank
        self.size = size
        self._position = skip  # ordinal of the next record in the source
        self._dealt = 0  # records passed since the beginning, over all epochs
        self._iterator: Iterator[Item] | None = None
        self._length: int | None = None  # of the source, once its end was reached
        self._form: Form | None = None  # of the records of late
        self._resident = Resident()
        if size > 1:
            self._resident.refuse()

    @property
    def instant(self) -> bool:
        """Whether a batch costs no more than a copy of it: all records are in memory, and nothing is random."""
        return self._resident.length is not None and not self.transformer.random

    def row_shape(self) -> tuple[int, int, int]:
        """Return channels, height and width of a row of a batch, from the first record."""
        if self._resident.length is not None:
            return self.transformer.shape(self._resident.rows(0, 1)[0].shape[1:])
        key, value = self.source.first()
        return self.transformer.shape(self.image(key, read_datum(self.source.path, key, value)).shape)

    def state(self) -> State:
        """Return where reading goes on, and the state of the random generator."""
        return {"position": self._position, "dealt": self._dealt, "random": self.transformer.state()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on where `state` was taken."""
        self._position, self._dealt = int(state["position"]), int(state["dealt"])
        self.transformer.restore(state["random"])
        self._iterator = None

    def fill(self, batch: Batch) -> None:
        """Read the next batch, in the shape of its first record; another batch may have another one."""
        if self._resident.length is not None:
            self._recall(batch, self._resident.length)
            return
        try:
            self._read(batch)
        except BaseException:
            self._resident.refuse()  # whoever reads on begins at the first record, without having seen the last
            raise

    def _read(self, batch: Batch) -> None:
        """Make the next batch of the source's records."""
        items = [self._next_of_ours()]
        position = self._position - 1
        items += self._rest_of_ours(len(batch.labels) - 1)
        alike = self._form.read([value for _, value in items]) if self._form else None
        datums = [] if alike else [read_datum(self.source.path, key, value) for key, value in items]
        alike = alike or _join(datums)
        if alike:
            images, batch.labels[...] = alike
            self._make_room(batch, images.shape[1:])
            self._apply(items[0][0], images, batch.data)
            self._resident.offer(position, *alike, self._length)
        else:
            self._resident.refuse()
            self._fill_singly(batch, [key for key, _ in items], datums)
        if datums:
            self._form = Form.of(items[0][1], datums[0])
        batch.state = self.state()

    def _fill_singly(self, batch: Batch, keys: Sequence[bytes], datums: Sequence[Any]) -> None:
        """Make a batch of images that are encoded, or of other shapes than the first."""
        batch.labels[...] = [datum.label for datum in datums]
        for n, (key, datum) in enumerate(zip(keys, datums, strict=True)):
            image = self.image(key, datum)
            if n == 0:
                self._make_room(batch, image.shape)
            self._apply(key, image[None], batch.data[n : n + 1])

    def _recall(self, batch: Batch, length: int) -> None:
        """Make the next batch of the records in memory."""
        count = len(batch.labels)
        position = self._position % length
        images, labels = self._resident.rows(position, count)
        self._make_room(batch, images.shape[1:])
        self.transformer.apply(images, batch.data)
        batch.labels[...] = labels
        self._position = (position + count - 1) % length + 1
        self._dealt += count
        batch.state = self.state()

    def _make_room(self, batch: Batch, image: tuple[int, ...]) -> None:
        """Give the batch the shape that images of this one need."""
        shape = (len(batch.labels), *self.transformer.shape(image))
        if batch.data.shape != shape:
            batch.data = np.zeros(shape, batch.data.dtype)

    def image(self, key: bytes, datum: Any) -> Array:
        """Return the image of a datum, decoded as the transformer wants it."""
        color, gray = self.transformer.force_color, self.transformer.force_gray
        return datum_array(self.source.path, key, datum, force_color=color, force_gray=gray)

    def _apply(self, key: bytes, images: Array, out: Array) -> None:
        """Transform images of one shape; `key` is the first one's record."""
        shape = self.transformer.shape(images.shape[1:])
        if shape != out.shape[1:]:
            raise DataError(
                f"{record_name(self.source.path, key)} has another shape than the first record of its batch",
                expected=_times(out.shape[1:]),
                got=_times(shape),
                hint="set crop_size or batch_size: 1, or make the database from images of one size",
            )
        self.transformer.apply(images, out)

    def _rest_of_ours(self, count: int) -> list[Item]:
        """Return the next `count` records of our shard."""
        items: list[Item] = []
        if self.size == 1 and self._iterator is not None:
            items += islice(self._iterator, count)
            self._position += len(items)
            self._dealt += len(items)
        return items + [self._next_of_ours() for _ in range(count - len(items))]

    def _next_of_ours(self) -> Item:
        """Return the next record of our shard."""
        while True:
            item = self._next()
            self._dealt += 1
            if (self._dealt - 1) % self.size == self.rank:
                return item

    def _next(self) -> Item:
        """Return the next record, from the first one again after the last."""
        if self._iterator is not None:
            item = next(self._iterator, None)
            if item is not None:
                self._position += 1
                return item
            self._length, self._position = self._position, 0
        self._iterator = self.source.records(self._position)
        item = next(self._iterator, None)
        if item is None:
            # A position behind the end: a long skip, or a source that has become shorter.
            self._position %= len(self.source) or _empty(self.source)
            self._iterator = self.source.records(self._position)
            item = next(self._iterator)
        self._position += 1
        return item


def _join(datums: Sequence[Any]) -> tuple[Array, Array] | None:
    """Return images and labels of datums that are bytes of one shape, without an array for each; else None."""
    first = datums[0]
    shape = (first.channels, first.height, first.width)
    size = shape[0] * shape[1] * shape[2]
    if size <= 0 or any(d.encoded or (d.channels, d.height, d.width) != shape or len(d.data) != size for d in datums):
        return None
    images = np.frombuffer(b"".join([datum.data for datum in datums]), np.uint8).reshape(len(datums), *shape)
    return images, np.array([datum.label for datum in datums], np.int32)


def _times(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape))


def _empty(source: Source) -> int:
    """Raise the error of a source without records."""
    source.first()
    raise DataError("the database changed while it was read", got=f"`{source.path}`")
