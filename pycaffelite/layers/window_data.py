"""WindowData: windows into images, for detectors of the R-CNN kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from pycaffelite.blob import Blob, Shape
from pycaffelite.data.feed import ListFeed
from pycaffelite.data.images import ImageFolder
from pycaffelite.data.locate import locate_file
from pycaffelite.data.mean import read_mean
from pycaffelite.data.transformer import check_transformation
from pycaffelite.data.windows import WindowReader, read_windows
from pycaffelite.errors import FieldError
from pycaffelite.layers.base import Arity, Context, Layer, Layout
from pycaffelite.layers.registry import register


@register("WindowData")
class WindowData(Layer):
    """Read batches of windows that show objects or background, chosen at random, and bring each to a square.

    data[n, c, h, w] = (window[c, h, w] - mean) * scale, and 0 where the window reaches out of its image.

    Bottoms: none.
    Tops: data (batch_size, 3, crop_size, crop_size), blue, green, red, the windows of background first; optionally
        label (batch_size,), 0 for background.
    Params: none.
    Fields: `window_data_param`: source, a text file with, for each image, `# index`, its name, channels, height, width,
        the number of windows, and for each window `class overlap left top right bottom`; root_folder; batch_size;
        fg_fraction (0.25) of the batch shows objects, windows that overlap one by fg_threshold (0.5) or more; the rest
        overlaps by less than bg_threshold (0.5); context_pad, pixels of surroundings on each side of the square;
        crop_mode: "warp" stretches the window, "square" widens it first; cache_images keeps the files in memory.
        `transform_param { crop_size scale mirror mean_file mean_value }`; crop_size is needed.
    Backward: none.
    Errors: DataError when the file, an image, or windows of a kind are missing, or a window does not lie in its image;
        FieldError for no crop_size or batch_size, an unknown crop_mode, or a context_pad that fills the square;
        ShapeError for a mean image that is smaller than the square.
    Source: Girshick, Donahue, Darrell and Malik, Rich feature hierarchies (2014), as in Caffe's WindowDataLayer.
    """

    arity: ClassVar[Arity] = Arity(bottoms=(0, 0), tops=(1, 2))

    def __init__(self, message: Any, context: Context) -> None:
        super().__init__(message, context)
        self.fields = message.window_data_param
        self._check(message.transform_param.crop_size)
        check_transformation(message.transform_param)
        self._feed = ListFeed(self._open, message.data_param.prefetch)

    def layout(self, bottom_shapes: Sequence[Shape]) -> Layout:
        """Return the shapes of a batch."""
        return Layout(tops=self._feed.shapes[: len(self.message.top)])

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Write the next batch."""
        self._feed.next_into(top)

    def backward(self, top: Sequence[Blob], wanted: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """Do nothing: there are no bottoms."""

    def state(self) -> dict[str, Any]:
        """Return the state of the random generator."""
        return self._feed.state()

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on where `state` was taken."""
        self._feed.restore(state)

    def _check(self, crop: int) -> None:
        """Raise FieldError for what cannot work."""
        fields = self.fields
        for name, value in (("batch_size", fields.batch_size), ("crop_size", crop)):
            if value < 1:
                where = "window_data_param" if name == "batch_size" else "transform_param"
                raise FieldError(f"there is no {name}", expected=f"{where} {{ {name}: 1 }} or more", got="0 or none")
        if fields.crop_mode not in ("warp", "square"):
            raise FieldError("unknown crop_mode", expected='"warp" or "square"', got=f'"{fields.crop_mode}"')
        if 2 * fields.context_pad >= crop:
            raise FieldError(
                "the surroundings fill the square",
                expected=f"context_pad of less than half of crop_size, {crop}",
                got=str(fields.context_pad),
            )

    def _open(self) -> WindowReader:
        folder, transformation = self.context.data.folder, self.message.transform_param
        path = locate_file(self.fields.source, folder, what="window file")
        windows = read_windows(path, self.fields.fg_threshold, self.fields.bg_threshold)
        mean = None
        if transformation.HasField("mean_file"):
            mean = read_mean(locate_file(transformation.mean_file, folder, what="mean file"))
        images = ImageFolder(self.fields.root_folder, folder)
        return WindowReader(windows, images, self.fields, transformation, mean, self.context.generator(self.name))
