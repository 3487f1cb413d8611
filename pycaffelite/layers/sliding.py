"""The family of layers whose windows slide over any number of spatial axes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy.typing as npt

from pycaffelite.blob import Shape
from pycaffelite.errors import FieldError, ShapeError
from pycaffelite.kernels import convolution_nd
from pycaffelite.kernels.convolution_choice import choose
from pycaffelite.kernels.convolution_plan import Geometry
from pycaffelite.layers.base import Arity, Context, Layer, canonical_axis, shape_text
from pycaffelite.layers.windows import Windows, positive_output, repeated_or_pair, slide, spread_over


class Sliding(Layer):
    """Base of layers with a ConvolutionParameter: it reads where the windows are.

    Fields: `convolution_param`: kernel_size, stride, pad, dilation, axis.
    """

    arity = Arity((1, None), (1, None), pairs=True)

    def __init__(self, message: Any, context: Context) -> None:
        super().__init__(message, context)
        self.fields = message.convolution_param
        self.kernel = repeated_or_pair(self.fields, "kernel_size", ("kernel_h", "kernel_w"), least=1)
        self.stride = repeated_or_pair(self.fields, "stride", ("stride_h", "stride_w"), least=1)
        self.pad = repeated_or_pair(self.fields, "pad", ("pad_h", "pad_w"), least=0)
        self.dilation = repeated_or_pair(self.fields, "dilation", None, least=0)

    def windows(self, shape: Shape) -> tuple[int, Windows]:
        """Return the axis of the channels, and how the windows slide."""
        axis = canonical_axis(self.fields.axis, shape)
        spatial = len(shape) - axis - 1
        if self.kernel is None and spatial:
            raise FieldError(
                "kernel_size is missing", expected="`kernel_size`, or `kernel_h` and `kernel_w`", got="none"
            )
        return axis, Windows(
            spread_over(self.kernel, spatial, 1, "kernel_size"),
            spread_over(self.stride, spatial, 1, "stride"),
            spread_over(self.pad, spatial, 0, "pad"),
            spread_over(self.dilation, spatial, 1, "dilation"),
        )


def same_shape(bottom_shapes: Sequence[Shape]) -> Shape:
    """Return the shape that all bottoms have; raise ShapeError where one has another."""
    shape = bottom_shapes[0]
    for other in bottom_shapes:
        if other != shape:
            raise ShapeError(
                "bottoms differ in shape", expected=f"all of shape {shape_text(shape)}", got=shape_text(other)
            )
    return shape


def outputs_and_groups(fields: Any) -> tuple[int, int]:
    """Return num_output and group; raise FieldError where they do not fit."""
    outputs, group = positive_output(fields, "convolution_param"), int(fields.group)
    if group < 1:
        raise FieldError("group is out of range", expected="group of at least 1", got=str(group))
    if outputs % group:
        raise FieldError(
            "num_output is not divisible by group", expected=f"a multiple of group {group}", got=str(outputs)
        )
    return outputs, group


def check_groups(shape: Shape, axis: int, group: int) -> None:
    """Raise ShapeError unless the channels make groups of one size."""
    if shape[axis] % group:
        raise ShapeError(
            "channels are not divisible by group",
            expected=f"a multiple of group {group} as axis {axis}",
            got=f"bottom of shape {shape_text(shape)}",
        )


def plan_convolution(
    shape: Shape, axis: int, windows: Windows, counts: tuple[int, int], dtype: npt.DTypeLike
) -> tuple[Any, Any]:
    """Plan the convolution of an image of this shape.

    Up to two spatial axes go the fast way, but for what only the general one knows.

    Args:
        shape: Of the image.
        axis: Of its channels.
        windows: How the filters slide.
        counts: Output channels, and groups.
        dtype: The float type.

    Returns:
        The module of the kernels, and their plan.
    """
    images, channels, lengths = math.prod(shape[:axis]), shape[axis], shape[axis + 1 :]
    outputs, group = counts
    axes = list(zip(lengths, slide(lengths, windows, shape), *vars(windows).values(), strict=True))
    if len(lengths) > 2 or any(_is_unusual(*numbers) for numbers in axes):
        return convolution_nd, convolution_nd.make_nd_plan(images, channels, outputs, axes, group, dtype)
    missing = 2 - len(lengths)  # a vector is an image of one row
    height, width = (1,) * missing + lengths
    blanks = zip((1, 1, 0, 1), vars(windows).values(), strict=True)
    kernel, stride, pad, dilation = ((blank,) * missing + value for blank, value in blanks)
    return choose(Geometry(images, channels, height, width, outputs, kernel, stride, pad, dilation, group), dtype)


def _is_unusual(length: int, size: int, kernel: int, stride: int, pad: int, dilation: int) -> bool:
    """Return whether all weights see one place, or a window reaches beyond the padding."""
    return (dilation == 0 and kernel > 1) or (size - 1) * stride + dilation * (kernel - 1) + 1 > length + 2 * pad
