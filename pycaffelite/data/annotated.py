"""Records of annotated databases: images with boxes, cut, coloured and resized at random, in batches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from google.protobuf.message import DecodeError

from pycaffelite.data import augment_boxes, augment_color
from pycaffelite.data.augment_resize import Resizer
from pycaffelite.data.datum import datum_array, record_name
from pycaffelite.data.sources.base import Item, Source
from pycaffelite.data.transformer import Transformer
from pycaffelite.errors import DataError, FieldError
from pycaffelite.schema import messages

Array = npt.NDArray[Any]
State = dict[str, Any]

COLUMNS = 8  # of a row: image, class, number, left, top, right, bottom, difficult
_BOX = slice(3, 7)


def read_annotated(path: Path, key: bytes, value: bytes) -> Any:
    """Return the AnnotatedDatum message that a record holds."""
    try:
        message = messages.AnnotatedDatum.FromString(value)
    except DecodeError:
        message = messages.AnnotatedDatum()
    if not message.datum.data and not message.datum.float_data:
        raise DataError(
            f"{record_name(path, key)} cannot be used",
            expected="an AnnotatedDatum message with an image",
            got=f"{len(value)} bytes that hold none",
            hint="was the database made by convert_annoset? A Data layer reads one without boxes",
        )
    return message


def rows_of(message: Any) -> Array:
    """Return a row for each box of an AnnotatedDatum, class by class; the image is number 0."""
    rows = [
        (0, group.group_label, each.instance_id, each.bbox.xmin, each.bbox.ymin, each.bbox.xmax, each.bbox.ymax,
         each.bbox.difficult)
        for group in message.annotation_group
        for each in group.annotation
    ]  # fmt: skip
    return np.array(rows, np.float64).reshape(len(rows), COLUMNS)


class Augmenter:
    """Changes an image and its boxes as `transform_param` and `annotated_data_param` say.

    Colours are distorted first; then the image is put on a larger canvas, a piece is cut out and resized, and noise is
    added. What crops, mirrors, centres and scales comes last.

    Args:
        transformation: The TransformationParameter message.
        annotation: The AnnotatedDataParameter message.
        transformer: What comes last; its generator is that of everything here.
    """

    def __init__(self, transformation: Any, annotation: Any, transformer: Transformer) -> None:
        self.fields = transformation
        self.samplers = list(annotation.batch_sampler)
        self.transformer = transformer
        self.generator = transformer.generator
        self.emit = transformation.emit_constraint if transformation.HasField("emit_constraint") else None
        self.resizer = None
        if transformation.HasField("resize_param"):
            self.resizer = Resizer(transformation.resize_param, self.generator)
        augment_boxes.check_samplers(self.samplers)
        if transformation.HasField("distort_param"):
            augment_color.check_distortion(transformation.distort_param)
        if transformation.HasField("expand_param") and transformation.HasField("mean_file"):
            raise FieldError(
                "a mean_file cannot fill a canvas", expected="mean_value", got="expand_param and mean_file"
            )

    def augment(self, image: Array, rows: Array) -> tuple[Array, Array]:
        """Return the image before the last step, and its rows; the boxes are in parts of the image."""
        if self.fields.HasField("distort_param"):
            image = augment_color.distort(image, self.fields.distort_param, self.generator)
        if self.fields.HasField("expand_param"):
            image, rows = self._expand(image, rows)
        if self.samplers:
            pieces = augment_boxes.draw_pieces(self.samplers, rows[:, _BOX], self.generator)
            if len(pieces):
                piece = pieces[int(self.generator.integers(len(pieces)))]
                image, rows = augment_boxes.cut(image, piece), self._project(rows, piece)
        return image, rows

    def finish(self, image: Array, rows: Array, out: Array | None) -> tuple[tuple[int, int, int], Array]:
        """Resize, damage, crop, mirror and scale into `out` (1 x channels x height x width); return shape and rows.

        Without `out` only the shape counts.
        """
        old = (image.shape[1], image.shape[2])
        if self.resizer is not None:
            image = self.resizer.apply(image)
            rows = rows.copy()
            rows[:, _BOX] = self.resizer.boxes(rows[:, _BOX], old)
        if self.fields.HasField("noise_param"):
            image = augment_color.damage(image, self.fields.noise_param, self.generator)
        shape = self.transformer.shape(image.shape)
        if out is None or out.shape[1:] != shape:
            return shape, rows
        spare = [whole - part for whole, part in zip(image.shape[1:], shape[1:], strict=True)]
        places = self.transformer.draw(1, *spare)
        image = np.ascontiguousarray(image)
        image.flags.writeable = False  # as records read in one go are: the kernel has one signature
        self.transformer.apply_at(places, image[None], out)
        top, left, mirrored = (int(each[0]) for each in places)
        height, width = image.shape[1:]
        crop = np.array([left / width, top / height, (left + shape[2]) / width, (top + shape[1]) / height])
        rows = self._project(rows, crop)
        if mirrored:
            rows[:, [3, 5]] = 1 - rows[:, [5, 3]]
        if self.resizer is not None and (factors := self.resizer.spread(old, crop)) is not None:
            rows[:, _BOX] *= factors
        return shape, rows

    def _expand(self, image: Array, rows: Array) -> tuple[Array, Array]:
        fields = self.fields.expand_param
        if self.generator.random() > fields.prob or abs(fields.max_expand_ratio - 1) < 1e-2:
            return image, rows
        ratio = self.generator.uniform(1, max(1.0, fields.max_expand_ratio))
        color = self.transformer.mean_values if self.transformer.mean_values.size else np.zeros(1)
        image, edges = augment_boxes.enlarge(image, ratio, color, self.generator)
        return image, self._project(rows, edges)

    def _project(self, rows: Array, piece: Array) -> Array:
        """Return the rows of boxes that stay with a piece of the image."""
        moved, stays = augment_boxes.project(rows[:, _BOX], piece, self.emit)
        rows = rows.copy()
        rows[:, _BOX] = moved
        return rows[stays]


class AnnotatedReader:
    """Reads records in key order, over and over, and makes batches of images and of rows of boxes, or of labels.

    Args:
        source: The records.
        augmenter: What changes an image and its boxes.
        batch_size: Records in a batch.
        typed: Whether records hold boxes whatever they say of themselves.
        skip: How many records to skip at the very beginning.
    """

    def __init__(self, source: Source, augmenter: Augmenter, batch_size: int, *, typed: bool, skip: int = 0) -> None:
        self.source = source
        self.augmenter = augmenter
        self.batch_size = batch_size
        self._position = skip  # ordinal of the next record in the source
        self._iterator: Iterator[Item] | None = None
        key, value = source.first()
        self._first = read_annotated(source.path, key, value)
        self.boxed = typed or bool(self._first.HasField("type"))

    def shapes(self) -> list[tuple[int, ...]]:
        """Return the shapes of a batch, from the first record; how many rows there will be is a guess."""
        random = self.augmenter.generator.bit_generator.state
        image, rows = self._read(b"", self._first)
        shape, _ = self.augmenter.finish(*self.augmenter.augment(image, rows), None)
        self.augmenter.generator.bit_generator.state = random
        labels = (1, 1, max(1, len(rows)), COLUMNS) if self.boxed else (self.batch_size,)
        return [(self.batch_size, *shape), labels]

    def fill(self, batch: Any) -> None:
        """Read the next batch, in the shape of its first image."""
        found, labels = [], np.zeros(self.batch_size)
        data = np.zeros((self.batch_size, 0, 0, 0), batch.dtype)
        for n in range(self.batch_size):
            key, value = self._next()
            message = read_annotated(self.source.path, key, value)
            if self.boxed and not (message.HasField("type") or not self._first.HasField("type")):
                raise DataError(f"{record_name(self.source.path, key)} has no boxes, where the first record has some")
            image, rows = self.augmenter.augment(*self._read(key, message))
            if n == 0:
                # The shape of the piece decides, and resizing draws numbers, so that they are taken back.
                random = self.augmenter.generator.bit_generator.state
                shape, _ = self.augmenter.finish(image, rows, None)
                self.augmenter.generator.bit_generator.state = random
                data = _room(batch, (self.batch_size, *shape))
            shape, rows = self.augmenter.finish(image, rows, data[n : n + 1])
            self._check(key, shape, data.shape[1:])
            rows[:, 0] = n
            labels[n] = message.datum.label
            found.append(rows)
        rows = np.concatenate(found)
        if not len(rows):
            rows = np.full((1, COLUMNS), -1.0)
        batch.arrays = [data, rows[None, None].astype(batch.dtype) if self.boxed else labels.astype(batch.dtype)]
        batch.state = self.state()

    def state(self) -> State:
        """Return where reading goes on, and the state of the random generator."""
        return {"position": self._position, "random": dict(self.augmenter.generator.bit_generator.state)}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on where `state` was taken."""
        self._position, self._iterator = int(state["position"]), None
        self.augmenter.generator.bit_generator.state = state["random"]

    def _read(self, key: bytes, message: Any) -> tuple[Array, Array]:
        """Return the image of a record and a row for each of its boxes."""
        transformer = self.augmenter.transformer
        forced = {"force_color": transformer.force_color, "force_gray": transformer.force_gray}
        image = datum_array(self.source.path, key, message.datum, **forced)
        if image.dtype != np.uint8:
            raise DataError(
                f"{record_name(self.source.path, key)} cannot be used", expected="an image of bytes", got="floats"
            )
        return image, rows_of(message) if self.boxed else np.zeros((0, COLUMNS))

    def _check(self, key: bytes, shape: tuple[int, ...], wanted: tuple[int, ...]) -> None:
        if shape != wanted:
            raise DataError(
                f"{record_name(self.source.path, key)} has another shape than the first record of its batch",
                expected="x".join(map(str, wanted)),
                got="x".join(map(str, shape)),
                hint="set resize_param with resize_mode WARP, or batch_size: 1",
            )

    def _next(self) -> Item:
        """Return the next record, from the first one again after the last."""
        item = next(self._iterator, None) if self._iterator is not None else None
        if item is None:
            if self._iterator is not None:
                self._position = 0
            self._position %= max(1, len(self.source))
            self._iterator = self.source.records(self._position)
            item = next(self._iterator)
        self._position += 1
        return item


def _room(batch: Any, shape: tuple[int, ...]) -> Array:
    """Return the images of a batch to write to."""
    if batch.arrays and batch.arrays[0].shape == shape:
        old: Array = batch.arrays[0]
        return old
    return np.zeros(shape, batch.dtype)
