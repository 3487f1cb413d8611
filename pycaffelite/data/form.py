"""Records that differ in pixels and label only are read together, without a message for each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from pycaffelite.schema import messages

Array = npt.NDArray[Any]

LABEL = b"\x28"  # what stands before the label in a record
_ENDINGS = (b"", b"\x38\x00")  # what Caffe's tools write behind it: nothing, or that the image is not encoded


class Form:
    """What the bytes of a source's records have in common: all but pixels and label.

    A record that has these bytes in these places can only be parsed in one way, so that nothing is lost by not parsing
    it. Whatever differs, in length too, is left to the parser, which knows what is wrong with it.
    """

    def __init__(self, shape: tuple[int, int, int], head: bytes, ending: bytes) -> None:
        self.shape = shape
        self._start = len(head)
        self._stop = len(head) + shape[0] * shape[1] * shape[2]
        self._length = self._stop + 2 + len(ending)
        self._head = np.frombuffer(head, np.uint8)
        self._after = np.frombuffer(LABEL + ending, np.uint8)
        self._places = [self._stop, *range(self._stop + 2, self._length)]

    @classmethod
    def of(cls, value: bytes, datum: Any) -> Form | None:
        """Return the form of a record, `datum` when parsed; None where it is no image of bytes with a short label."""
        shape = (datum.channels, datum.height, datum.width)
        if min(shape) < 1 or datum.encoded or len(datum.data) != shape[0] * shape[1] * shape[2]:
            return None
        beginning = messages.Datum(channels=shape[0], height=shape[1], width=shape[2], data=datum.data)
        front = beginning.SerializeToString()
        ending = value[len(front) + 2 :]
        usual = value.startswith(front + LABEL) and ending in _ENDINGS and 0 <= datum.label < 128
        return cls(shape, front[: len(front) - len(datum.data)], ending) if usual else None

    def read(self, values: Sequence[bytes]) -> tuple[Array, Array] | None:
        """Return images (N, channels, height, width) and labels (N,) of records, or None where one has another form."""
        if set(map(len, values)) != {self._length}:
            return None
        rows = np.frombuffer(b"".join(values), np.uint8).reshape(len(values), self._length)
        labels = rows[:, self._stop + 1].astype(np.int32)
        alike = (rows[:, : self._start] == self._head).all() and (rows[:, self._places] == self._after).all()
        if not alike or labels.max() >= 128:
            return None
        images = np.ascontiguousarray(rows[:, self._start : self._stop]).reshape(len(values), *self.shape)
        images.flags.writeable = False  # as joined bytes are: the kernel has one signature
        return images, labels
