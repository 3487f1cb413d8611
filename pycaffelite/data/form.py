"""Records that differ in pixels and label only are read together, without a message for each."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from pycaffelite.data.records import Records
from pycaffelite.kernels.records import read_alike
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
        self._head = np.frombuffer(head, np.uint8)
        self._tail = np.frombuffer(LABEL + b"\0" + ending, np.uint8)  # the second byte stands for any label

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

    def read(self, pieces: Iterable[Records], images: Array, labels: Array) -> bool:
        """Write images (N, channels, height, width) and labels (N,) of N records; return whether all have this form."""
        rows, done = images.reshape(len(images), -1), 0
        for piece in pieces:
            if not read_alike(piece.content, piece.spans, self._head, self._tail, rows, labels, done):
                return False
            done += len(piece)
        return True
