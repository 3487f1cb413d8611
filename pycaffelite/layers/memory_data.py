"""Batches out of arrays that the user holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from pycaffelite.blob import Array, Blob, Shape
from pycaffelite.errors import DataError, FieldError
from pycaffelite.layers.base import Arity, Context, Layer, Layout, shape_text
from pycaffelite.layers.registry import register

_FIELDS = ("batch_size", "channels", "height", "width")


@register("MemoryData")
class MemoryData(Layer):
    """Read batch after batch of arrays given by `set_batches`, and begin again at their end.

    y[n,c,h,w] = data[p+n,c,h,w], l[n] = labels[p+n]; p grows by N at each forward pass.

    Bottoms: none.
    Tops: y (N, C, H, W); l (N,).
    Params: none.
    Fields: `memory_data_param { batch_size channels height width }`, all needed.
    Backward: none.
    Errors: FieldError for a field that is missing or 0; DataError before `set_batches`, or for arrays that do not fit.
    Source: Caffe's MemoryDataLayer, which does not transform arrays either.
    """

    arity: ClassVar[Arity] = Arity(bottoms=(0, 0), tops=(2, 2))

    def __init__(self, message: Any, context: Context) -> None:
        super().__init__(message, context)
        param = message.memory_data_param
        for name in _FIELDS:
            if getattr(param, name) < 1:
                raise FieldError(
                    f"`{name}` is missing or 0",
                    expected="batch_size, channels, height and width, each at least 1",
                    got=", ".join(f"{field} {getattr(param, field)}" for field in _FIELDS),
                )
        self.batch_size: int = param.batch_size
        self.record_shape: Shape = (param.channels, param.height, param.width)
        self.data: Array = np.empty((0, *self.record_shape), np.float32)
        self.labels: Array = np.empty(0, np.float32)
        self.cursor = 0  # the record that comes next

    def layout(self, bottom_shapes: Sequence[Shape]) -> Layout:
        """Return the shapes of a batch and its labels."""
        return Layout([(self.batch_size, *self.record_shape), (self.batch_size,)])

    def set_batches(self, data: npt.ArrayLike, labels: npt.ArrayLike) -> None:
        """Read from these arrays from now on, from their beginning; arrays are not copied.

        Args:
            data: (M, C, H, W), M a multiple of the batch size.
            labels: M numbers, of any shape.
        """
        records, truths = np.asarray(data), np.asarray(labels)
        if records.ndim != 4 or records.shape[1:] != self.record_shape:
            raise DataError(
                "the records do not fit",
                expected=f"an array of shape Mx{shape_text(self.record_shape)}",
                got=f"shape {shape_text(records.shape)}",
            )
        if len(records) == 0 or len(records) % self.batch_size:
            raise DataError(
                "the number of records does not fit",
                expected=f"a multiple of the batch size, {self.batch_size}",
                got=str(len(records)),
            )
        if truths.size != len(records):
            raise DataError(
                "the number of labels does not fit",
                expected=f"{len(records)}, one for each record",
                got=f"{truths.size}, of shape {shape_text(truths.shape)}",
            )
        self.data, self.labels, self.cursor = records, truths.reshape(-1), 0

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Write the next batch."""
        if not len(self.data):
            raise DataError(
                "there are no batches",
                expected="arrays to read from",
                got="none",
                hint="call `set_batches(data, labels)` on this layer first",
            )
        start = self.cursor % len(self.data)
        stop = start + self.batch_size
        top[0].data[...] = self.data[start:stop]
        top[1].data[...] = self.labels[start:stop]
        self.cursor = stop % len(self.data)

    def backward(self, top: Sequence[Blob], wanted: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """Do nothing."""

    def state(self) -> dict[str, Any]:
        """Return the position in the arrays."""
        return {"cursor": self.cursor}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on at a position."""
        self.cursor = int(state["cursor"])
