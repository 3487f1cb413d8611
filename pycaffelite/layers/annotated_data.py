"""AnnotatedData: images with boxes from a database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from pycaffelite.blob import Blob, Shape
from pycaffelite.data.annotated import AnnotatedReader, Augmenter
from pycaffelite.data.feed import ListFeed
from pycaffelite.data.locate import locate_file, locate_source
from pycaffelite.data.mean import read_mean
from pycaffelite.data.source import open_source
from pycaffelite.data.transformer import Transformer, check_transformation
from pycaffelite.errors import FieldError
from pycaffelite.layers.base import Arity, Context, Layer, Layout
from pycaffelite.layers.registry import register
from pycaffelite.schema import messages


@register("AnnotatedData")
class AnnotatedData(Layer):
    """Read batches of images with boxes from a database in the order of its keys, over and over, changed at random.

    data[n, c, h, w] = (image[c, h, w] - mean) * scale

    Of each image colours are distorted, it is put on a larger canvas of the mean colour, a piece of it is cut out that
    one of the batch_samplers has drawn, that is resized, damaged by noise, cropped and mirrored. Boxes move along.

    Bottoms: none.
    Tops: data (batch_size, C, H, W); optionally boxes (1, 1, M, 8), a row for each: image, class, number, left, top,
    right, bottom in parts of the image, difficult; a row of -1 where there are none; for records without boxes labels
    (batch_size,).
    Params: none.
    Fields: `data_param { source batch_size backend rand_skip prefetch }`; `annotated_data_param { batch_sampler
    anno_type }`; `transform_param { resize_param noise_param distort_param expand_param emit_constraint scale mirror
    crop_size crop_h crop_w mean_file mean_value force_color force_gray }`.
    Backward: none.
    Errors: DataError when the source is missing, empty or damaged, or when images of one batch come out in different
    shapes; FieldError for a batch_size of 0 and for options that contradict each other.
    Source: Liu et al., SSD, 2016, and its fork's layer. Random numbers are others, and colours and sizes may round by
    one differently; padded images get their boxes in the right places.
    """

    arity: ClassVar[Arity] = Arity(bottoms=(0, 0), tops=(1, 2))

    def __init__(self, message: Any, context: Context) -> None:
        super().__init__(message, context)
        self.fields = message.data_param
        if self.fields.batch_size < 1:
            raise FieldError("there is no batch size", expected="data_param { batch_size: 1 } or more", got="0")
        check_transformation(message.transform_param)
        self._feed = ListFeed(self._open, self.fields.prefetch)

    def layout(self, bottom_shapes: Sequence[Shape]) -> Layout:
        """Return the shapes of a batch, from the first record of the source."""
        return Layout(tops=self._feed.shapes[: len(self.message.top)])

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Write the next batch; the tops take its shapes."""
        self._feed.next_into(top)

    def backward(self, top: Sequence[Blob], wanted: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """Do nothing: there are no bottoms."""

    def records(self) -> int:
        """Return how many records the database holds."""
        reader: Any = self._feed.reader
        return len(reader.source)

    def state(self) -> dict[str, Any]:
        """Return the position of the next record and the state of the random generator."""
        return self._feed.state()

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on at the record where `state` was taken."""
        self._feed.restore(state)

    def _open(self) -> Any:
        """Find and open the source."""
        options = self.context.data
        path = locate_source(self.fields.source, options.folder, builtin=False, notify=options.notify)
        source = open_source(path, messages.DataParameter.DB.Name(self.fields.backend), notify=options.notify)
        generator = self.context.generator(self.name)
        skip = int(generator.integers(self.fields.rand_skip)) if self.fields.rand_skip else 0
        parameter = self.message.transform_param
        mean = None
        if parameter.HasField("mean_file"):
            mean = read_mean(locate_file(parameter.mean_file, options.folder, what="mean file"))
        transformer = Transformer(parameter, self.context.phase, generator, mean, augments=True)
        annotation = self.message.annotated_data_param
        augmenter = Augmenter(parameter, annotation, transformer)
        typed = annotation.HasField("anno_type")
        return AnnotatedReader(source, augmenter, self.fields.batch_size, typed=typed, skip=skip)
