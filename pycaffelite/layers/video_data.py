"""VideoData: clips of videos whose frames are image files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np

from pycaffelite.blob import Array
from pycaffelite.data.images import ImageFolder, Planes, read_image, resize
from pycaffelite.data.listing import RowShapes, Samples, read_lines
from pycaffelite.data.locate import locate_file
from pycaffelite.data.mean import read_clip_mean
from pycaffelite.data.transformer import Transformer
from pycaffelite.errors import DataError, FieldError, UnsupportedError
from pycaffelite.layers.base import Context
from pycaffelite.layers.listed_data import ListedDataLayer
from pycaffelite.layers.registry import register

_OF_TRANSFORMATION = ("scale", "mean_file", "crop_size", "mirror")


@register("VideoData")
class VideoData(ListedDataLayer):
    """Read batches of clips, runs of frames of the videos that a list names, over and over.

    data[n, c, l, h, w] = (frame_l[c, h, w] - mean) * scale; all frames of a clip are cropped and flipped alike.

    Bottoms: none.
    Tops: data (batch_size, C, new_length, H, W), blue, green, red; optionally label (batch_size,), or (batch_size,
        num_of_labels) of zeros and ones.
    Params: none.
    Fields: `video_data_param`: source, a text file with a folder of frames (000001.jpg and so on), the number of the
        first frame and a class on each line; root_folder; batch_size; new_length, frames in a clip; sampling_rate,
        every so many frames one is taken; use_image, needed; use_temporal_jitter: the second word is the number of
        frames, and a clip begins anywhere in TRAIN, at the first frame in TEST; use_sampling_rate_jitter with
        max_sampling_rate; use_multiple_label with num_of_labels; new_height, new_width; is_color; rand_skip; shuffle.
        `transform_param { scale mirror crop_size mean_file mean_value }`, or the fields of these names here, as the
        fork's first form has them.
    Backward: none.
    Errors: UnsupportedError without use_image: video files are not decoded; FieldError for no new_length or batch_size;
        DataError for a line that is not understood, a missing frame, or a video of too few frames; ShapeError when crop
        or mean do not fit.
    Source: the C3D fork (Tran et al., Learning spatiotemporal features with 3D convolutional networks, 2015), which in
    TRAIN passes over clips that it cannot read.
    """

    field: ClassVar[str] = "video_data_param"

    def __init__(self, message: Any, context: Context) -> None:
        super().__init__(message, context)
        if not self.fields.use_image:
            raise UnsupportedError(
                "video files are not read",
                expected="use_image: true, and a folder of frames for each video",
                got="use_image: false",
                hint="`ffmpeg -i VIDEO FOLDER/%06d.jpg` makes such a folder",
            )
        for name in ("new_length", "sampling_rate", "max_sampling_rate"):
            if getattr(self.fields, name) < 1:
                raise FieldError(f"`{name}` is missing or 0", expected=f"{name} of at least 1", got="0 or none")

    def transformation(self) -> Any:
        """Return the message, with what the older form keeps in the layer's own."""
        merged = type(self.message.transform_param)()
        merged.CopyFrom(self.message.transform_param)
        for name in _OF_TRANSFORMATION:
            if self.fields.HasField(name) and not merged.HasField(name):
                setattr(merged, name, getattr(self.fields, name))
        if self.fields.HasField("mean_value") and not merged.mean_value and not merged.HasField("mean_file"):
            merged.mean_value.append(self.fields.mean_value)
        return merged

    def samples(self, lines: Path, images: ImageFolder, generator: np.random.Generator) -> Samples:
        """Read the list."""
        videos = [_video(line, lines, self.fields) for line in read_lines(lines)]
        parameter = self.transformation()
        mean = None
        if parameter.HasField("mean_file"):
            path = locate_file(parameter.mean_file, self.context.data.folder, what="mean file")
            mean = read_clip_mean(path, self.fields.new_length)
        if len(parameter.mean_value) > 1:  # of the channels, and so of each channel's frames
            parameter.mean_value[:] = np.repeat(list(parameter.mean_value), self.fields.new_length).tolist()
        transformer = Transformer(parameter, self.context.phase, generator, mean)
        return _Clips(videos, images, transformer, self.fields, jitter=self.context.phase == "TRAIN")


class _Video(NamedTuple):
    """A line of the list: the folder, its number (of the first frame, or of frames), the classes."""

    folder: str
    number: int
    classes: list[int]


class _Clips(Samples):
    """Clips; a sample is its planes, each channel's frames one after the other, and its classes."""

    def __init__(
        self, videos: list[_Video], images: ImageFolder, transformer: Transformer, fields: Any, *, jitter: bool
    ) -> None:
        super().__init__(transformer.generator)
        self.videos = videos
        self.images = images
        self.transformer = transformer
        self.fields = fields
        self.jitter = jitter

    def __len__(self) -> int:
        """Return the number of lines."""
        return len(self.videos)

    def name(self, index: int) -> str:
        """Return how errors name a clip."""
        return f"the clip of `{self.videos[index].folder}`"

    def read(self, index: int) -> tuple[Planes, list[int]]:
        """Read and resize the frames of a clip."""
        video, fields = self.videos[index], self.fields
        rate: int = fields.sampling_rate
        if fields.use_sampling_rate_jitter:
            rate = 1 + int(self.generator.integers(fields.max_sampling_rate))
        first = self._first(video, fields.new_length * rate) if fields.use_temporal_jitter else video.number
        frames = [self._frame(video.folder, first + rate * n) for n in range(fields.new_length)]
        for n, frame in enumerate(frames):
            if frame.shape != frames[0].shape:
                raise DataError(
                    f"frames of `{video.folder}` differ in size",
                    expected="x".join(map(str, frames[0].shape)),
                    got="x".join(map(str, frame.shape)) + f" at frame {first + rate * n}",
                )
        return np.concatenate(np.stack(frames, 1)), video.classes

    def shapes(self, sample: Any) -> RowShapes:
        """Return the shape of a clip, and that of its label."""
        planes, height, width = self.transformer.shape(sample[0].shape)
        length: int = self.fields.new_length
        labels = (self.fields.num_of_labels,) if self.fields.use_multiple_label else ()
        return [(planes // length, length, height, width), labels]

    def write(self, sample: Any, rows: Sequence[Array]) -> None:
        """Transform all frames alike: as if they were one image of many planes."""
        planes, classes = sample
        data, labels = rows
        self.transformer.apply(planes[None], data.reshape(1, -1, *data.shape[2:]))
        labels[...] = 0 if self.fields.use_multiple_label else classes[0]
        if self.fields.use_multiple_label:
            labels[classes] = 1

    def _first(self, video: _Video, span: int) -> int:
        """Return the frame at which a clip of a video begins, whose number of frames is known."""
        if video.number < span:
            raise DataError(
                f"the video `{video.folder}` is too short",
                expected=f"at least {span} frames (new_length times the sampling rate)",
                got=str(video.number),
            )
        return 1 + (int(self.generator.integers(video.number - span + 1)) if self.jitter else 0)

    def _frame(self, folder: str, number: int) -> Planes:
        path = self.images.locate(f"{folder}/{number:06d}.jpg")
        image = read_image(path, color=self.fields.is_color)
        return resize(image, (self.fields.new_height, self.fields.new_width)) if self.fields.new_height else image


def _video(line: str, path: Path, fields: Any) -> _Video:
    """Read a line of the list."""
    words = line.rsplit(maxsplit=2)
    try:
        classes = [int(word) for word in words[2].split(",")]
        video = _Video(words[0], int(words[1]), classes)
    except (IndexError, ValueError):
        raise DataError(
            "a line of the list is not understood", expected="a folder of frames, a number, and a class",
            got=f"`{path}`: {line}",
        ) from None  # fmt: skip
    if fields.use_multiple_label and not all(0 <= label < fields.num_of_labels for label in classes):
        raise DataError(
            "a class is beyond num_of_labels",
            expected=f"classes from 0 to {fields.num_of_labels - 1}",
            got=f"`{path}`: {line}",
        )
    return video
