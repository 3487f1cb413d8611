"""BatchReindex: records in another order, some of them several times or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from pycaffelite.blob import Array, Blob, Shape
from pycaffelite.errors import ShapeError
from pycaffelite.kernels import table
from pycaffelite.layers.base import Arity, Layer, Layout, shape_text
from pycaffelite.layers.registry import register
from pycaffelite.layers.row_numbers import read_numbers


@register("BatchReindex")
class BatchReindex(Layer):
    """Take records by their numbers.

    y[m, ...] = x[index[m], ...]

    Bottoms: x (N, ...); index (M,), numbers from 0 to N - 1, stored as floats.
    Tops: y (M, ...).
    Params: none.
    Fields: none.
    Backward: dx[n, ...] = sum of dy[m, ...] over all m with index[m] = n; none for index.
    Errors: ShapeError where x has no axis or index has not exactly one; DataError for a number that is no record.
    Source: Caffe's BatchReindexLayer.
    """

    arity: ClassVar[Arity] = Arity(bottoms=(2, 2))
    no_gradient_to: ClassVar[frozenset[int]] = frozenset({1})

    def layout(self, bottom_shapes: Sequence[Shape]) -> Layout:
        """Return as many records as there are numbers."""
        x, index = bottom_shapes
        if len(index) != 1 or not x:
            raise ShapeError(
                "the bottoms are no records and their numbers",
                expected="records of shape Nx..., and numbers of shape M",
                got=f"shapes {shape_text(x)} and {shape_text(index)}",
            )
        return Layout([(*index, *x[1:])], buffers={"numbers": (index, np.int64)})

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Write y."""
        numbers = self.buffers["numbers"]
        read_numbers(bottom[1], bottom[0].shape[0], "record", numbers)
        table.take_rows(_rows(bottom[0].data), numbers, _rows(top[0].data))

    def backward(self, top: Sequence[Blob], wanted: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """Write dx."""
        if wanted[0]:
            bottom[0].diff.fill(0)
            table.add_rows(_rows(top[0].diff), self.buffers["numbers"], _rows(bottom[0].diff))


def _rows(array: Array) -> Array:
    return array.reshape(array.shape[0], array.size // max(1, array.shape[0]))
