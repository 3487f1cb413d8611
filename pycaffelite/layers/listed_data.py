"""The family of layers that read the files of a list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from pycaffelite.blob import Blob, Shape
from pycaffelite.data.feed import ListFeed
from pycaffelite.data.images import ImageFolder
from pycaffelite.data.listing import ListReader, Samples
from pycaffelite.data.locate import locate_file
from pycaffelite.data.mean import read_mean
from pycaffelite.data.transformer import Transformer, check_transformation
from pycaffelite.errors import FieldError
from pycaffelite.layers.base import Arity, Context, Layer, Layout


class ListedDataLayer(Layer):
    """Base of layers that make batches of what a list names, over and over, with batches prepared ahead.

    Attributes:
        fields: The message of its own, with `source`, `batch_size`, `shuffle`, `rand_skip` and `root_folder`.
    """

    arity: ClassVar[Arity] = Arity(bottoms=(0, 0), tops=(1, 2))
    field: ClassVar[str] = "image_data_param"  # the name of that message

    def __init__(self, message: Any, context: Context) -> None:
        super().__init__(message, context)
        self.fields = getattr(message, self.field)
        if self.fields.batch_size < 1:
            raise FieldError("there is no batch size", expected=f"{self.field} {{ batch_size: 1 }} or more", got="0")
        if bool(self.fields.new_height) != bool(self.fields.new_width):
            raise FieldError(
                "new_height and new_width go together",
                expected="both, or none",
                got=f"new_height {self.fields.new_height} and new_width {self.fields.new_width}",
            )
        check_transformation(self.transformation())
        self._feed = ListFeed(self._open, message.data_param.prefetch)

    def samples(self, lines: Path, images: ImageFolder, generator: np.random.Generator) -> Samples:
        """Read the list.

        Args:
            lines: The list.
            images: Where its images are.
            generator: Where random numbers come from.
        """
        raise NotImplementedError

    def transformation(self) -> Any:
        """Return the TransformationParameter message."""
        return self.message.transform_param

    def layout(self, bottom_shapes: Sequence[Shape]) -> Layout:
        """Return the shapes of a batch, from the first sample."""
        return Layout(tops=self._feed.shapes[: len(self.message.top)])

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Write the next batch; the tops take the shapes of its first sample."""
        self._feed.next_into(top)

    def backward(self, top: Sequence[Blob], wanted: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """Do nothing: there are no bottoms."""

    def records(self) -> int | None:
        """Return how many samples the list names."""
        return len(self._feed.reader.samples)

    def state(self) -> dict[str, Any]:
        """Return the epoch, the next position in it, and the state of the random generator."""
        return self._feed.state()

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on at the sample where `state` was taken."""
        self._feed.restore(state)

    def transformer(self, generator: np.random.Generator) -> Transformer:
        """Return what crops, mirrors, centres and scales, with its mean image where there is one."""
        parameter = self.transformation()
        mean = None
        if parameter.HasField("mean_file"):
            mean = read_mean(locate_file(parameter.mean_file, self.context.data.folder, what="mean file"))
        return Transformer(parameter, self.context.phase, generator, mean)

    @property
    def size(self) -> tuple[int, int] | None:
        """Height and width to which images are resized; None for those that they have."""
        return (self.fields.new_height, self.fields.new_width) if self.fields.new_height else None

    def _open(self) -> ListReader:
        folder = self.context.data.folder
        lines = locate_file(self.fields.source, folder, what="list of images")
        images = ImageFolder(self.fields.root_folder, folder)
        samples = self.samples(lines, images, self.context.generator(self.name))
        key = self.context.key(f"{self.name}/order") if self.fields.shuffle else None
        return ListReader(samples, self.fields.batch_size, key=key, rand_skip=self.fields.rand_skip)
