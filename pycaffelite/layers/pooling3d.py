"""Pooling3D: one number for each window of a video."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pycaffelite.blob import Blob, Shape
from pycaffelite.errors import FieldError, ShapeError
from pycaffelite.kernels import pooling3d
from pycaffelite.layers.base import Context, Layer, Layout, shape_text
from pycaffelite.layers.pools import pooled_sizes
from pycaffelite.layers.registry import register
from pycaffelite.layers.windows import Windows, positive
from pycaffelite.schema import messages


@register("Pooling3D")
class Pooling3D(Layer):
    """Reduce each window of each channel of a video to its largest number or to its mean.

    MAX: y[n,c,p] = max over k of x[n,c,stride p + k]; of equal numbers the first in row-major order counts, and NaN
    does not: a window of nothing else gives -inf.
    AVE: the sum over k of x[n,c,stride p + k - pad], divided by the places of the window that lie within length, height
    + 2 pad and width + 2 pad.

    Bottoms: x, N x C x L x H x W, L frames.
    Tops: y, N x C x output sizes.
    Params: none.
    Fields: `pooling3d_param`: pool (MAX); kernel_size, stride (1), pad (0), of height and width; kernel_depth,
        temporal_stride (1), of frames. Output size: (in + 2 pad - kernel) / stride rounded up, + 1; with a pad, one
        less on each axis where the last window would begin beyond the input and its first pad.
    Backward: MAX: dy goes to its place; AVE: dy / divisor to each place of the window.
    Errors: no kernel, a kernel or stride of 0; pad with MAX, or as large as the kernel; STOCHASTIC; not five axes; a
        window without any input.
    Source: Tran et al., Learning Spatiotemporal Features with 3D Convolutional Networks, 2015: the C3D fork, in which
        all equal numbers get the gradient.
    """

    def __init__(self, message: Any, context: Context) -> None:
        super().__init__(message, context)
        fields, methods = message.pooling3d_param, messages.Pooling3DParameter
        if fields.pool == methods.STOCHASTIC:
            raise FieldError("Pooling3D does not draw", expected="pool MAX or AVE", got="STOCHASTIC")
        self.largest = fields.pool == methods.MAX
        size, stride = positive(fields, "kernel_size"), positive(fields, "stride")
        frames, step, pad = positive(fields, "kernel_depth"), positive(fields, "temporal_stride"), int(fields.pad)
        if pad and (self.largest or pad >= size):
            raise FieldError(
                "MAX pooling of videos has no padding" if self.largest else "pad is too large",
                expected="pad 0" if self.largest else f"pad smaller than the kernel, {size}",
                got=f"pad {pad}",
            )
        self.windows = Windows((frames, size, size), (step, stride, stride), (0, pad, pad), (1, 1, 1))

    def layout(self, bottom_shapes: Sequence[Shape]) -> Layout:
        """Return the top, and room for the places of the maxima."""
        shape = bottom_shapes[0]
        if len(shape) != 5:
            raise ShapeError(
                "Pooling3D needs five axes", expected="N x C x L x H x W", got=f"bottom of shape {shape_text(shape)}"
            )
        top = (*shape[:2], *pooled_sizes(shape, self.windows))
        return Layout([top], buffers={"places": (top, None)} if self.largest else {})

    def prepare(self, bottom_shapes: Sequence[Shape]) -> None:
        """Gather the lengths that the kernels take."""
        shape, windows = bottom_shapes[0], self.windows
        sizes = pooled_sizes(shape, windows)
        self.geometry = np.array([*shape[2:], *sizes, *windows.kernel, *windows.stride, *windows.pad], np.int64)

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Write y."""
        x, y = bottom[0].flat_data, top[0].flat_data
        if self.largest:
            pooling3d.max_forward(x, y, self.buffers["places"].reshape(-1), self.geometry)
        else:
            pooling3d.average_forward(x, y, self.geometry)

    def backward(self, top: Sequence[Blob], wanted: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """Write dx."""
        if not wanted[0]:
            return
        dy, dx = top[0].flat_diff, bottom[0].flat_diff
        if self.largest:
            pooling3d.max_backward(dy, self.buffers["places"].reshape(-1), dx, self.geometry)
        else:
            pooling3d.average_backward(dy, dx, self.geometry)
