"""The reader decides order, epochs and sharding, and makes batches of records."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from pycaffelite.data.datum import datum_array, read_datum, record_name
from pycaffelite.data.form import Form
from pycaffelite.data.records import Records
from pycaffelite.data.resident import Resident
from pycaffelite.data.sources.base import Source
from pycaffelite.data.transformer import Places, Transformer
from pycaffelite.errors import DataError, ShapeError

Array = npt.NDArray[Any]
State = dict[str, Any]


class Batch:
    """One batch as it is read: the images are still to be transformed, which the net does as it takes them.

    Args:
        count: How many records it has.
    """

    def __init__(self, count: int) -> None:
        self.count = count
        self.labels: Array = np.zeros(count, np.int32)
        self.parts: list[tuple[Array, Places]] = []  # images of one shape (N x channels x height x width), and crops
        self.shape: tuple[int, int, int] = (0, 0, 0)  # of an image when it is transformed
        self.state: State = {}  # the reader's, behind the batch


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
        self._pieces: Iterator[Records] | None = None
        self._rest: Records | None = None  # of the piece at hand
        self._length: int | None = None  # of the source, once its end was reached
        self._form: Form | None = None  # of the records of late
        self._resident = Resident()
        if size > 1:
            self._resident.refuse()

    @property
    def instant(self) -> bool:
        """Whether all records are in memory, so that a batch costs nothing before it is transformed."""
        return self._resident.length is not None

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
        position, dealt = int(state["position"]), int(state["dealt"])
        if min(position, dealt) < 0:
            raise ValueError("a place before the first record")
        self._position, self._dealt = position, dealt
        self.transformer.restore(state["random"])
        self._pieces = self._rest = None

    def fill(self, batch: Batch) -> None:
        """Read the next batch, in the shape of its first record; another batch may have another one."""
        if self._resident.length is not None:
            self._recall(batch, self._resident.length)
        else:
            try:
                self._read(batch)
            except BaseException:
                self._resident.refuse()  # whoever reads on begins at the first record, without having seen the last
                raise
        batch.state = self.state()

    def write(self, batch: Batch, data: Array) -> None:
        """Write the images of a batch, transformed, to `data`."""
        done = 0
        for images, places in batch.parts:
            self.transformer.apply_at(places, images, data[done : done + len(images)])
            done += len(images)

    def _read(self, batch: Batch) -> None:
        """Make the next batch of the source's records."""
        pieces, position = self._next_of_ours(batch.count)
        images = self._read_alike(pieces, position, batch)
        items = [] if images is not None else [item for piece in pieces for item in piece]
        datums = [read_datum(self.source.path, key, value) for key, value in items]
        if datums:
            batch.labels[...] = [datum.label for datum in datums]
            images = _join(datums)
        batch.parts = []
        if images is not None:
            self._add(batch, pieces[0].key(0), images)
            self._resident.offer(position, images, batch.labels, self._length)
        else:
            self._resident.refuse()
            for (key, _), datum in zip(items, datums, strict=True):
                self._add(batch, key, self.image(key, datum)[None])
        if datums:
            self._form = Form.of(items[0][1], datums[0])

    def _read_alike(self, pieces: Sequence[Records], position: int, batch: Batch) -> Array | None:
        """Return images and write labels of records of the form of late; None where one has another form."""
        if self._form is None:
            return None
        images = self._resident.room(position, batch.count, self._form.shape)
        if images is None:
            images = np.empty((batch.count, *self._form.shape), np.uint8)
        return images if self._form.read(pieces, images, batch.labels) else None

    def _add(self, batch: Batch, key: bytes, images: Array, *, kept: bool = False) -> None:
        """Add images of one shape to a batch, and draw their crops.

        Args:
            batch: The batch.
            key: The first one's record.
            images: The images.
            kept: Whether they stay in memory anyway.
        """
        try:
            shape = self.transformer.shape(images.shape[1:])
        except ShapeError as error:
            error.what = f"{record_name(self.source.path, key)} does not fit: {error.what}"
            raise
        if batch.parts and shape != batch.shape:
            raise DataError(
                f"{record_name(self.source.path, key)} has another shape than the first record of its batch",
                expected=_times(batch.shape),
                got=_times(shape),
                hint="set crop_size or batch_size: 1, or make the database from images of one size",
            )
        batch.shape = shape
        places = self.transformer.draw(len(images), images.shape[2] - shape[1], images.shape[3] - shape[2])
        if not kept and images.nbytes > np.dtype(np.float32).itemsize * len(images) * math.prod(shape):
            images, places = self.transformer.cut(places, images)  # a batch takes no more memory than in the net
        batch.parts.append((images, places))

    def _recall(self, batch: Batch, length: int) -> None:
        """Make the next batch of the records in memory."""
        position = self._position % length
        images, batch.labels[...] = self._resident.rows(position, batch.count)
        batch.parts = []
        self._add(batch, b"", images, kept=True)
        self._position = (position + batch.count - 1) % length + 1
        self._dealt += batch.count

    def image(self, key: bytes, datum: Any) -> Array:
        """Return the image of a datum, decoded as the transformer wants it."""
        color, gray = self.transformer.force_color, self.transformer.force_gray
        return datum_array(self.source.path, key, datum, force_color=color, force_gray=gray)

    def _next_of_ours(self, count: int) -> tuple[list[Records], int]:
        """Return the next `count` records of our shard, in pieces, and the ordinal of the first in the source."""
        found: list[Records] = []
        first = 0
        while count:
            piece = self._rest if self._rest is not None and len(self._rest) else self._next_piece()
            skipped = (self.rank - self._dealt) % self.size
            ours = piece[skipped :: self.size][:count]
            if len(ours):
                first = first if found else self._position + skipped
                found.append(ours)
                count -= len(ours)
            used = len(piece) if count else skipped + (len(ours) - 1) * self.size + 1
            self._rest = piece[used:]
            self._position += used
            self._dealt += used
        return found, first

    def _next_piece(self) -> Records:
        """Return the next records of the source, from the first one again after the last."""
        if self._pieces is not None:
            piece = next(self._pieces, None)
            if piece is not None:
                return piece
            self._length, self._position = self._position, 0
        self._pieces = self.source.pieces(self._position)
        piece = next(self._pieces, None)
        if piece is None:
            # A position behind the end: a long skip, or a source that has become shorter.
            self._position %= len(self.source) or _empty(self.source)
            self._pieces = self.source.pieces(self._position)
            piece = next(self._pieces)
        return piece


def _join(datums: Sequence[Any]) -> Array | None:
    """Return the images of datums that are bytes of one shape, without an array for each; else None."""
    first = datums[0]
    shape = (first.channels, first.height, first.width)
    size = shape[0] * shape[1] * shape[2]
    if min(shape) < 1:
        return None
    if any(d.encoded or (d.channels, d.height, d.width) != shape or len(d.data) != size for d in datums):
        return None
    return np.frombuffer(b"".join([datum.data for datum in datums]), np.uint8).reshape(len(datums), *shape)


def _times(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape))


def _empty(source: Source) -> int:
    """Raise the error of a source without records."""
    source.first()
    raise DataError("the database changed while it was read", got=f"`{source.path}`")
