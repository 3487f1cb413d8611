"""What the layers of list files read from: opened when it is first needed, prefetching once batches are taken."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any, Generic, Protocol, TypeVar

import numpy as np

from pycaffelite.blob import Blob
from pycaffelite.data.listing import ArrayBatch, State
from pycaffelite.data.loader import Worker


class ArrayReader(Protocol):
    """Makes batches of arrays, and goes on from a state."""

    def shapes(self) -> list[tuple[int, ...]]:
        """Return the shapes of the first batch."""

    def fill(self, batch: ArrayBatch) -> None:
        """Make the next batch."""

    def state(self) -> State:
        """Return what `restore` needs to go on behind the last batch."""

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on where `state` was taken."""


Reader = TypeVar("Reader", bound=ArrayReader)


class ListFeed(Generic[Reader]):
    """Hands out batches that a thread has prepared ahead; the same ones, bit for bit, as without the thread.

    Args:
        open_reader: Opens the list.
        prefetch: How many batches may be ready; 0 reads each batch when it is asked for.
    """

    def __init__(self, open_reader: Callable[[], Reader], prefetch: int) -> None:
        self._open_reader = open_reader
        self._prefetch = prefetch
        self._spare: list[ArrayBatch] = []
        self._worker: Worker | None = None
        self._state: State | None = None  # behind the last batch that was handed out

    @cached_property
    def reader(self) -> Reader:
        """The reader."""
        return self._open_reader()

    @cached_property
    def shapes(self) -> list[tuple[int, ...]]:
        """The shapes of the first batch."""
        return self.reader.shapes()

    def next_into(self, tops: Sequence[Blob]) -> None:
        """Write the next batch; tops take its shapes."""
        if not self._spare:
            self._spare = [ArrayBatch(tops[0].dtype) for _ in range(max(1, self._prefetch))]
        if self._state is None:
            self._state = self.reader.state()
        try:
            batch = self._next()
            for blob, array in zip(tops, batch.arrays, strict=False):
                blob.resize(array.shape)
                np.copyto(blob.data, array)
        except BaseException:
            self.restore(self._state)  # whoever asks again gets the same batch, or the same error
            raise
        self._state = batch.state
        if self._worker is not None:
            self._worker.give_back(batch)

    def _next(self) -> ArrayBatch:
        """Return the next batch."""
        if self._prefetch and self._worker is None:
            self._worker = Worker(self.reader, self._spare)
            self._closer = weakref.finalize(self, self._worker.stop)
        if self._worker is not None:
            batch: ArrayBatch = self._worker.take()
            return batch
        self.reader.fill(self._spare[0])
        return self._spare[0]

    def state(self) -> State:
        """Return where the consumer is: behind the last batch it got, however far the thread has read ahead."""
        return self.reader.state() if self._state is None else dict(self._state)

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on where `state` was taken."""
        if self._worker is not None:
            self._closer()
            self._worker = None
        self.reader.restore(state)
        self._state = None
