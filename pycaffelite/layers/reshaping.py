"""The family of layers that give the same numbers another shape."""

from __future__ import annotations

from collections.abc import Sequence

from pycaffelite.blob import Array, Blob
from pycaffelite.kernels import block
from pycaffelite.layers.base import Layer


class ReshapingLayer(Layer):
    """Base of layers whose top holds the elements of the bottom in the same order.

    They copy: a top that shared memory would be changed by a layer that works in place on it. A plan, which sees that
    there is none, may share.
    """

    keeps_elements = True

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Copy the data."""
        _copy(bottom[0].data, top[0].data)

    def backward(self, top: Sequence[Blob], wanted: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """Copy the diff back."""
        if wanted[0]:
            _copy(top[0].diff, bottom[0].diff)


def _copy(source: Array, target: Array) -> None:
    """Copy all elements, in rows for the kernel to share out among threads."""
    rows = max(1, source.shape[0]) if source.shape else 1
    block.put(source.reshape(rows, source.size // rows), target.reshape(rows, target.size // rows), 0)
