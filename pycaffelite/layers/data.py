"""Data: images and labels from a LevelDB or LMDB database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pycaffelite.blob import Array, Blob, Shape
from pycaffelite.data.loader import Feed
from pycaffelite.data.locate import locate_file, locate_source
from pycaffelite.data.mean import read_mean
from pycaffelite.data.reader import BatchReader
from pycaffelite.data.source import open_source
from pycaffelite.data.transformer import Transformer, check_transformation
from pycaffelite.errors import FieldError
from pycaffelite.layers.base import Arity, Context, Layer, Layout
from pycaffelite.layers.registry import register
from pycaffelite.schema import messages


@register("Data")
class Data(Layer):
    """Read batches from a database in the order of its keys, over and over.

    data[n, c, h, w] = (image[c, h, w] - mean) * scale

    Bottoms: none.
    Tops: data (batch_size, C, H, W), or crop_size in place of H and W; optionally label (batch_size,).
    Params: none.
    Fields: `data_param { source batch_size backend rand_skip prefetch }`; `transform_param { scale mirror crop_size
    mean_file mean_value force_color force_gray }`.
    Backward: none.
    Errors: DataError when the source is missing, empty or damaged, or when records of one batch differ in shape (two
    batches may); FieldError for a batch_size of 0; ShapeError when crop or mean do not fit the images.
    Source: Caffe's DataLayer. What lies in the folder decides about the backend; no lock is taken; `rand_skip` skips a
    random number of records at the start, which Caffe 1.0 ignores. Images of one shape, of 64 MiB at most in all, are
    kept in memory after the first epoch.
    """

    arity = Arity(bottoms=(0, 0), tops=(1, 2))

    def __init__(self, message: Any, context: Context) -> None:
        super().__init__(message, context)
        self.fields = message.data_param
        if self.fields.batch_size < 1:
            raise FieldError(
                "a Data layer needs a batch size", expected="data_param { batch_size: 1 } or more", got="0 or none"
            )
        check_transformation(message.transform_param)
        self._feed = Feed(self._open, self.fields.prefetch)

    def layout(self, bottom_shapes: Sequence[Shape]) -> Layout:
        """Return the shapes of a batch, from the first record of the source."""
        shape = (self.fields.batch_size, *self._feed.row_shape)
        return Layout(tops=[shape, shape[:1]][: len(self.message.top)])

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Write the next batch; the top takes the shape of its first record."""

        def room(shape: Shape) -> Array:
            top[0].resize(shape)
            return top[0].data

        self._feed.next_into(room, top[1].data if len(top) > 1 else None, top[0].data)

    def backward(self, top: Sequence[Blob], wanted: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """Do nothing: there are no bottoms."""

    def records(self) -> int:
        """Return how many records the database holds."""
        return len(self._feed.reader.source)

    def state(self) -> dict[str, Any]:
        """Return the position of the next record and the state of the random generator."""
        return self._feed.state()

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on at the record where `state` was taken."""
        self._feed.restore(state)

    def _open(self) -> BatchReader:
        """Find and open the source."""
        options = self.context.data
        path = locate_source(self.fields.source, options.folder, builtin=options.builtin, notify=options.notify)
        backend = messages.DataParameter.DB.Name(self.fields.backend)
        source = open_source(path, backend, notify=options.notify)
        generator = self.context.generator(self.name)
        skip = int(generator.integers(self.fields.rand_skip)) if self.fields.rand_skip else 0
        return BatchReader(source, self._transformer(generator), skip=skip)

    def _transformer(self, generator: np.random.Generator) -> Transformer:
        """Return the transformer, with its mean image where there is one."""
        parameter = self.message.transform_param
        mean = None
        if parameter.HasField("mean_file"):
            mean = read_mean(locate_file(parameter.mean_file, self.context.data.folder, what="mean file"))
        return Transformer(parameter, self.context.phase, generator, mean)
