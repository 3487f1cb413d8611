"""PriorBox: boxes of several sizes and shapes around each place of a feature map."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from pycaffelite.blob import Array, Blob, Shape
from pycaffelite.errors import FieldError, ShapeError
from pycaffelite.layers.base import Arity, Context, Layer, Layout, shape_text
from pycaffelite.layers.registry import register

_SAME = 1e-6  # aspect ratios that differ by less are one


@register("PriorBox")
class PriorBox(Layer):
    """Lay boxes around each place of a feature map, as starting points for the prediction of boxes.

    box[h,w,k] = (cx - bw_k/2) / iw, (cy - bh_k/2) / ih, (cx + bw_k/2) / iw, (cy + bh_k/2) / ih
    cx = (w + offset) step_w, cy = (h + offset) step_h, in pixels of an image iw x ih

    For each min_size s with its max_size t: a square of side s, one of side sqrt(s t) where there are max_sizes, then
    for each aspect ratio r but 1 a box with sides sqrt(s t) sqrt(r) and sqrt(s t) / sqrt(r), or s in place of sqrt(s t)
    where there are none.

    Bottoms: the feature map, N x C x H x W; the image, any shape with height and width last.
    Tops: 1 x 2 x 4 H W K: the boxes, row by row, place by place, box by box; then as many variances.
    Params: none.
    Fields: `prior_box_param`: min_size, max_size, cut to whole pixels; aspect_ratio, flip (true); clip (false);
        variance (0.1), one or four; img_size or img_h and img_w (those of the second bottom); step or step_h and
        step_w (image over feature map); offset (0.5).
    Backward: none: boxes do not hang on what the bottoms hold.
    Errors: no min_size; max_sizes that are not as many or not larger; two forms of a field; other variances than 1 or
        4 above 0; bottoms without height and width.
    Source: Liu et al., SSD, 2016.
    """

    arity: ClassVar[Arity] = Arity(bottoms=(2, 2))
    constant: ClassVar[bool] = True

    def __init__(self, message: Any, context: Context) -> None:
        super().__init__(message, context)
        fields = message.prior_box_param
        self.image = _pair(fields, "img", "img_size", "size")
        self.step = _pair(fields, "step", "step", "step")
        self.offset = np.float32(fields.offset)
        self.clip: bool = fields.clip
        self.variance = [float(value) for value in fields.variance] or [float(np.float32(0.1))]
        if len(self.variance) not in (1, 4) or min(self.variance) <= 0:
            raise FieldError(
                "variance is wrong",
                expected="one or four variances above 0",
                got=", ".join(f"{value:g}" for value in self.variance),
            )
        self.sides = _sides(fields, _ratios(fields))  # (K, 2): width and height in pixels
        self.values: Array = np.zeros(0)

    def layout(self, bottom_shapes: Sequence[Shape]) -> Layout:
        """Return the top."""
        for shape in bottom_shapes:
            if len(shape) < 2 or 0 in shape[-2:]:
                raise ShapeError(
                    "there is no height and width", expected="both as last axes", got=f"bottom {shape_text(shape)}"
                )
        height, width = bottom_shapes[0][-2:]
        return Layout([(1, 2, 4 * height * width * len(self.sides))])

    def prepare(self, bottom_shapes: Sequence[Shape]) -> None:
        """Compute the boxes: they change with the shapes only."""
        lengths = bottom_shapes[0][-2:]
        image = self.image or bottom_shapes[1][-2:]
        step = self.step or tuple(float(np.float32(whole) / part) for whole, part in zip(image, lengths, strict=True))
        boxes = np.empty((*lengths, len(self.sides), 2, 2))  # ..., first or last corner, x or y
        for axis, length in enumerate(lengths):
            center = (np.arange(length, dtype=np.float32) + self.offset) * np.float32(step[axis])
            center = np.expand_dims(center.astype(np.float64), (1 - axis, 2))
            for corner, sign in enumerate((-1, 1)):
                sides = sign * self.sides[:, 1 - axis] / 2
                boxes[..., corner, 1 - axis] = (center + sides) / image[axis]
        values = boxes.reshape(-1)
        values = np.clip(values, 0, 1) if self.clip else values
        variances = np.resize(self.variance, values.size)
        self.values = np.concatenate((values, variances)).astype(np.float32)

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Write the boxes and their variances."""
        top[0].flat_data[:] = self.values


def _ratios(fields: Any) -> list[np.float32]:
    """Return the aspect ratios but 1, each once, with their inverses if they are flipped."""
    ratios = [np.float32(1)]
    for ratio in map(np.float32, fields.aspect_ratio):
        if not ratio > 0:
            raise FieldError("aspect_ratio is out of range", expected="aspect_ratio above 0", got=f"{ratio:g}")
        if all(abs(ratio - other) >= _SAME for other in ratios):
            ratios += [ratio, np.float32(1 / ratio)] if fields.flip else [ratio]
    return [ratio for ratio in ratios if abs(ratio - 1) >= _SAME]


def _sides(fields: Any, ratios: Sequence[np.float32]) -> Array:
    """Return width and height of each box, in pixels."""
    least, most = ([int(size) for size in sizes] for sizes in (fields.min_size, fields.max_size))
    if not least or min(fields.min_size) <= 0:
        raise FieldError(
            "min_size is missing or out of range",
            expected="one min_size or more, above 0",
            got=", ".join(f"{size:g}" for size in fields.min_size) or "none",
        )
    if most and (
        len(most) != len(least) or any(b <= a for a, b in zip(fields.min_size, fields.max_size, strict=False))
    ):
        raise FieldError(
            "max_size does not fit min_size",
            expected="as many as min_size, each larger",
            got=f"min_size {_list(fields.min_size)}, max_size {_list(fields.max_size)}",
        )
    sides: list[tuple[Any, Any]] = []
    for k, size in enumerate(least):
        side = np.float64(size)
        sides.append((side, side))
        if most:
            side = np.sqrt(np.float64(size * most[k]))
            sides.append((side, side))
        sides += [
            (side * np.sqrt(ratio, dtype=np.float64), side / np.sqrt(ratio, dtype=np.float64)) for ratio in ratios
        ]
    return np.array(sides).astype(np.float32).astype(np.float64)


def _pair(fields: Any, stem: str, single: str, what: str) -> tuple[float, ...]:
    """Return a field along height and width, whichever of its two forms is there; nothing if neither."""
    named = [f"{stem}_h", f"{stem}_w"]
    given = [name for name in (single, *named) if fields.HasField(name)]
    if not given:
        return ()
    if given not in ([single], named):
        raise FieldError(
            f"the {what} has two forms",
            expected=f"`{single}`, or both `{named[0]}` and `{named[1]}`",
            got=" and ".join(f"`{name}`" for name in given),
        )
    values = tuple(getattr(fields, name) for name in given) * (3 - len(given))
    if min(values) <= 0:
        raise FieldError(f"{given[0]} is out of range", expected=f"{given[0]} above 0", got=f"{min(values):g}")
    return values


def _list(values: Sequence[float]) -> str:
    return ", ".join(f"{value:g}" for value in values)
