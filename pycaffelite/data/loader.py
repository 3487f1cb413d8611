"""The loader prefetches batches in a thread, as long as that pays."""

from __future__ import annotations

import math
import queue
import threading
import weakref
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy.typing as npt

from pycaffelite.data.reader import Batch, BatchReader, State

Array = npt.NDArray[Any]
# As many small batches are read ahead for each one that was asked for, unless they have more bytes in all.
_MORE_SMALL, _SMALL_BYTES = 4, 1 << 20

Room = Callable[[tuple[int, ...]], Array]  # gives an array of a shape to write to


class Loader:
    """Hands out batches that a thread has read ahead; the same ones, bit for bit, as without the thread.

    They are transformed as they are handed out, which takes no longer than a copy would. The thread ends when all
    records are in memory.

    Args:
        reader: Where batches come from; the loader owns it from now on.
        shape: Shape of the data of the first batch.
        prefetch: How many batches may be ready, or some more where they are small; 0 reads each batch when it is asked
            for.
    """

    def __init__(self, reader: BatchReader, shape: tuple[int, ...], *, prefetch: int = 3) -> None:
        self._reader = reader
        self._prefetch = prefetch
        ahead = max(1, prefetch, min(prefetch * _MORE_SMALL, _SMALL_BYTES // max(1, math.prod(shape))))
        self._spare = [Batch(shape[0]) for _ in range(ahead)]
        self._state = reader.state()
        self._worker: Worker | None = None

    def next_into(self, data: Room, labels: Array | None) -> None:
        """Write the next batch into the array that `data` gives for its shape, and its labels."""
        try:
            batch = self._next()
            self._reader.write(batch, data((batch.count, *batch.shape)))
            if labels is not None:
                labels[...] = batch.labels
        except BaseException:
            self.restore(self._state)  # whoever asks again gets the same batch, or the same error
            raise
        self._state = batch.state
        if self._worker is not None:
            self._worker.give_back(batch)

    def _next(self) -> Batch:
        """Return the next batch."""
        if self._reader.instant:
            self.close()  # the thread would only take time from the kernels
        elif self._prefetch:
            if self._worker is None:
                self._worker = Worker(self._reader, self._spare, group=max(1, len(self._spare) - self._prefetch))
                self._closer = weakref.finalize(self, self._worker.stop)
            batch: Batch = self._worker.take()
            return batch
        self._reader.fill(self._spare[0])
        return self._spare[0]

    def state(self) -> State:
        """Return where the consumer is: behind the last batch it got, however far the thread has read ahead."""
        return dict(self._state)

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on where `state` was taken."""
        self.close()
        self._reader.restore(state)
        self._state = self._reader.state()

    def close(self) -> None:
        """End the thread; the next batch starts it again, behind the last one that was handed out."""
        if self._worker is not None:
            self._closer()
            self._worker = None
            self._reader.restore(self._state)


class Feed:
    """What a data layer reads from: found and opened when it is first needed, prefetching once batches are taken.

    Args:
        open_reader: Opens the source.
        prefetch: How many batches may be ready.
    """

    def __init__(self, open_reader: Callable[[], BatchReader], prefetch: int) -> None:
        self._open_reader = open_reader
        self._prefetch = prefetch
        self._loader: Loader | None = None

    @cached_property
    def reader(self) -> BatchReader:
        """The reader."""
        return self._open_reader()

    @cached_property
    def row_shape(self) -> tuple[int, int, int]:
        """Channels, height and width of a row of a batch."""
        return self.reader.row_shape()

    def next_into(self, data: Room, labels: Array | None, first: Array) -> None:
        """Write the next batch as `Loader.next_into` does; `first` is made like the data of the first batch."""
        if self._loader is None:
            self._loader = Loader(self.reader, first.shape, prefetch=self._prefetch)
        self._loader.next_into(data, labels)

    def state(self) -> State:
        """Return where the consumer is."""
        return self.reader.state() if self._loader is None else self._loader.state()

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on where `state` was taken."""
        (self._loader or self.reader).restore(state)


class Worker:
    """The thread and its two queues: spare batches go in, filled ones come out. It knows nothing of the loader, so
    that the loader can be collected, which ends the thread.

    Args:
        reader: Its `fill` fills a batch.
        spare: The batches, of whatever kind the reader fills.
        group: How many used batches it is woken for. It begins with cold caches: its first small batch takes twice as
            long.
    """

    def __init__(self, reader: Any, spare: Sequence[Any], group: int = 1) -> None:
        self._spare: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._ready: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._stopped = threading.Event()
        self._used: list[Any] = []
        self._group = group
        for batch in spare:
            self._spare.put(batch)
        self._thread = threading.Thread(target=self._run, args=(reader,), name="pycaffelite-prefetch", daemon=True)
        self._thread.start()

    def take(self) -> Any:
        """Wait for a batch; what went wrong in the thread is raised here."""
        if self._ready.empty():
            self._wake()  # the thread is the slower one
        result = self._ready.get()
        if isinstance(result, BaseException):
            self._ready.put(result)  # for whoever asks again
            raise result
        return result

    def give_back(self, batch: Any) -> None:
        """Let the thread fill a batch again."""
        self._used.append(batch)
        if len(self._used) == self._group:
            self._wake()

    def _wake(self) -> None:
        for batch in self._used:
            self._spare.put(batch)
        self._used.clear()

    def stop(self) -> None:
        """End the thread and wait for it."""
        self._stopped.set()
        self._spare.put(None)
        if self._thread is not threading.current_thread():
            self._thread.join()

    def _run(self, reader: Any) -> None:
        while (batch := self._spare.get()) is not None and not self._stopped.is_set():
            try:
                reader.fill(batch)
            except BaseException as error:  # the consumer raises it
                self._ready.put(error)
                return
            self._ready.put(batch)
