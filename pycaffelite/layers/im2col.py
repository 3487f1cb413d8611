"""Im2col: patches of an image as channels."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from pycaffelite.blob import Blob, Shape
from pycaffelite.errors import ShapeError
from pycaffelite.kernels import im2col
from pycaffelite.layers.base import Arity, Layout, shape_text
from pycaffelite.layers.registry import register
from pycaffelite.layers.sliding import Sliding
from pycaffelite.layers.windows import slide


@register("Im2col")
class Im2col(Sliding):
    """Write what each place of a window sees as a channel of its own: a convolution without the filters.

    y[n, (c,k), p] = x[n, c, stride p + dilation k - pad], 0 outside

    Here p and k run over all spatial axes.

    Bottoms: x, N... x C x spatial axes (any number of them).
    Tops: y, N... x C times all kernel sizes x output sizes, as of Convolution.
    Params: none.
    Fields: `convolution_param`: kernel_size, stride (1), pad (0), dilation (1), each once or once for every spatial
        axis, the first three also as _h and _w; axis (1), that of the channels; the others are ignored.
    Backward: dx is the sum of dy over all places that show it.
    Errors: no spatial axis; kernel or stride missing or 0; a size in both forms; a kernel that has no place on its
        padded input.
    Source: Caffe's Im2col layer.
    """

    arity = Arity()

    def layout(self, bottom_shapes: Sequence[Shape]) -> Layout:
        """Return the top."""
        shape = bottom_shapes[0]
        axis, windows = self.windows(shape)
        if axis == len(shape) - 1:
            raise ShapeError(
                "there is no spatial axis",
                expected=f"axes behind axis {axis}, that of the channels",
                got=f"bottom of shape {shape_text(shape)}",
            )
        sizes = slide(shape[axis + 1 :], windows, shape)
        return Layout([(*shape[:axis], shape[axis] * math.prod(windows.kernel), *sizes)])

    def prepare(self, bottom_shapes: Sequence[Shape]) -> None:
        """Gather the lengths that the kernels take."""
        shape = bottom_shapes[0]
        axis, windows = self.windows(shape)
        lengths = shape[axis + 1 :]
        axes = list(zip(lengths, slide(lengths, windows, shape), *vars(windows).values(), strict=True))
        self.images, self.channels = math.prod(shape[:axis]), shape[axis]
        self.axes = np.array(axes, np.int64)

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Write y."""
        view = (self.images, -1)
        for image, columns in zip(bottom[0].data.reshape(view), top[0].data.reshape(view), strict=True):
            im2col.im2col(image, columns, self.channels, self.axes)

    def backward(self, top: Sequence[Blob], wanted: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """Write dx."""
        if wanted[0]:
            view = (self.images, -1)
            for columns, image in zip(top[0].diff.reshape(view), bottom[0].diff.reshape(view), strict=True):
                im2col.col2im(columns, image, self.channels, self.axes)
