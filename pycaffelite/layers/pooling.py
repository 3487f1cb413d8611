"""Pooling: one number for each window of an image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pycaffelite.blob import Blob, Shape
from pycaffelite.errors import FieldError, ShapeError, WiringError
from pycaffelite.kernels import pooling, stochastic_pooling
from pycaffelite.layers.base import Arity, Context, Layer, Layout, shape_text
from pycaffelite.layers.registry import register
from pycaffelite.layers.windows import LARGEST
from pycaffelite.schema import messages

_AXES = ("h", "w")


@register("Pooling")
class Pooling(Layer):
    """Reduce each window of each channel to one number: its largest, its mean, or one drawn at random.

    MAX: y[n,c,p] = max over k of x[n, c, stride p + k - pad]; of equal numbers the first in row-major order counts.
    AVE: their sum, divided by the places of the window that lie within height + 2 pad and width + 2 pad.
    STOCHASTIC: in TRAIN one of them, with a probability in proportion to it; in TEST sum of x^2 / sum of x.

    Bottoms: x, N x C x H x W.
    Tops: y, N x C x output sizes; with MAX optionally the places of the maxima, row-major numbers in their channel.
    Params: none.
    Fields: `pooling_param`: pool (MAX); kernel_size, stride (1), pad (0), each also as _h and _w; global_pooling
        (false): one window of the whole channel; round_mode (CEIL); engine (ignored).
        Output size: (in + 2 pad - kernel) / stride rounded up (FLOOR: down), + 1; with any pad, one less on each axis
        where the last window would begin beyond the input and its first pad.
    Backward: MAX and drawn: dy goes to its place; AVE: dy / divisor to each place of the window.
    Errors: no kernel, or two forms of it; pad as large as the kernel; not four axes; a window without any input.
    Source: Caffe's Pooling layer; drawn: Zeiler and Fergus, Stochastic Pooling, 2013.
    """

    arity = Arity(tops=(1, 2))

    def __init__(self, message: Any, context: Context) -> None:
        super().__init__(message, context)
        fields = message.pooling_param
        self.method: int = fields.pool
        self.whole: bool = fields.global_pooling
        self.floor = fields.round_mode == messages.PoolingParameter.FLOOR
        self.passes = 0  # of random numbers drawn
        if len(message.top) > 1 and self.method != messages.PoolingParameter.MAX:
            raise WiringError("only MAX has a second top", expected="1 top", got=f"{len(message.top)} tops")
        self.stride = _pair(fields, "stride", least=1)
        self.pad = _pair(fields, "pad", least=0)
        self.kernel = self._kernel(fields)

    def _kernel(self, fields: Any) -> tuple[int, int]:
        """Return height and width of the window; (0, 0) for the whole channel."""
        given = any(fields.HasField(name) for name in ("kernel_size", "kernel_h", "kernel_w"))
        if self.whole:
            if given or self.pad != (0, 0) or self.stride != (1, 1):
                raise FieldError(
                    "global_pooling fixes the window",
                    expected="no kernel, pad 0 and stride 1",
                    got="a kernel" if given else f"pad {_both(self.pad)}, stride {_both(self.stride)}",
                )
            return 0, 0
        if not given:
            raise FieldError(
                "kernel_size is missing", expected="`kernel_size`, or `kernel_h` and `kernel_w`", got="none"
            )
        kernel = _pair(fields, "kernel", least=1, single="kernel_size")
        if self.pad[0] >= kernel[0] or self.pad[1] >= kernel[1]:
            raise FieldError(
                "pad is too large",
                expected="pad smaller than the kernel",
                got=f"pad {_both(self.pad)}, kernel {_both(kernel)}",
            )
        if self.pad != (0, 0) and self.method == messages.PoolingParameter.STOCHASTIC:
            raise FieldError("STOCHASTIC pooling has no padding", expected="pad 0", got=f"pad {_both(self.pad)}")
        return kernel

    def layout(self, bottom_shapes: Sequence[Shape]) -> Layout:
        """Return the top, twice with a mask; and room for the places of the maxima, or for random numbers."""
        shape = bottom_shapes[0]
        if len(shape) != 4:
            raise ShapeError(
                "Pooling needs four axes", expected="N x C x H x W", got=f"bottom of shape {shape_text(shape)}"
            )
        top = (*shape[:2], *self._sizes(shape))
        buffers: dict[str, Any] = {}
        if self.method != messages.PoolingParameter.AVE:
            buffers["places"] = (top, None)  # integers in the bits of floats
        if self.method == messages.PoolingParameter.STOCHASTIC:
            buffers["uniform"] = (top, None)
        return Layout([top] * max(1, len(self.message.top)), buffers=buffers)

    def _sizes(self, shape: Shape) -> tuple[int, int]:
        """Return height and width of the output."""
        sizes = []
        for axis, length in enumerate(shape[2:]):
            kernel, stride, pad = self.kernel[axis] or length, self.stride[axis], self.pad[axis]
            room = length + 2 * pad - kernel
            size = (room // stride if self.floor else -(-room // stride)) + 1
            if any(self.pad) and (size - 1) * stride >= length + pad:
                size -= 1
            along = f"{stride} apart, that all touch the input along {_AXES[axis]}"
            if size < 1 or (size - 1) * stride - pad >= length:
                raise ShapeError(
                    "kernel does not fit its input" if size < 1 else "the last window holds no input",
                    expected=f"windows of {kernel} places, {along}",
                    got=f"bottom of shape {shape_text(shape)}",
                    hint="use a smaller kernel or pad the input" if size < 1 else "write `round_mode: FLOOR`",
                )
            sizes.append(size)
        return sizes[0], sizes[1]

    def prepare(self, bottom_shapes: Sequence[Shape]) -> None:
        """Gather the lengths that the kernels take."""
        height, width = bottom_shapes[0][2:]
        kernel = (self.kernel[0] or height, self.kernel[1] or width)
        sizes = self._sizes(bottom_shapes[0])
        self.geometry = np.array([height, width, *sizes, *kernel, *self.stride, *self.pad], np.int64)

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Write y, and the mask if it is asked for."""
        x, y = bottom[0].data.reshape(-1), top[0].data.reshape(-1)
        if self.method == messages.PoolingParameter.AVE:
            pooling.average_forward(x, y, self.geometry)
            return
        places = self.buffers["places"].reshape(-1)
        if self.method == messages.PoolingParameter.MAX:
            pooling.max_forward(x, y, places, self.geometry)
        elif self.context.phase == "TRAIN":
            key = np.random.Philox(key=self.context.key(self.name), counter=[0, self.passes, 0, 0])
            uniform = self.buffers["uniform"].reshape(-1)
            uniform[:] = np.random.Generator(key).random(uniform.size)  # the same draws in every float type
            self.passes += 1
            stochastic_pooling.sample_forward(x, uniform, y, places, self.geometry)
        else:
            stochastic_pooling.expect_forward(x, y, self.geometry)
        if len(top) > 1:
            pooling.copy_places(places, top[1].data.reshape(-1), self.geometry)

    def forward_alone(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Write y; the places of maxima only if the mask is asked for."""
        plain = self.method == messages.PoolingParameter.MAX and len(top) == 1
        if plain and not pooling.has_quads(self.geometry):
            pooling.max_without_places(bottom[0].data.reshape(-1), top[0].data.reshape(-1), self.geometry)
        else:
            self.forward(bottom, top)

    def backward(self, top: Sequence[Blob], wanted: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """Write dx."""
        if not wanted[0]:
            return
        dy, dx = top[0].diff.reshape(-1), bottom[0].diff.reshape(-1)
        drawn = self.context.phase == "TRAIN"
        if self.method == messages.PoolingParameter.AVE:
            pooling.average_backward(dy, dx, self.geometry)
        elif self.method == messages.PoolingParameter.MAX or drawn:
            pooling.max_backward(dy, self.buffers["places"].reshape(-1), dx, self.geometry)
        else:
            x, y = bottom[0].data.reshape(-1), top[0].data.reshape(-1)
            stochastic_pooling.expect_backward(x, y, dy, dx, self.geometry)

    def state(self) -> dict[str, Any]:
        """Return how many passes have drawn random numbers."""
        return {"passes": self.passes} if self.method == messages.PoolingParameter.STOCHASTIC else {}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on drawing after that many passes."""
        self.passes = int(state.get("passes", 0))


def _pair(fields: Any, stem: str, *, least: int, single: str | None = None) -> tuple[int, int]:
    """Return the values of a field along height and width, whichever of its two forms is there."""
    single = single or stem
    named = [f"{stem}_{axis}" for axis in _AXES]
    present = [fields.HasField(name) for name in named]
    if any(present) and (fields.HasField(single) or not all(present)):
        raise FieldError(
            f"{stem} has two forms",
            expected=f"`{single}`, or both `{named[0]}` and `{named[1]}`",
            got="both forms" if fields.HasField(single) else f"`{named[0] if present[0] else named[1]}` alone",
        )
    first, second = named if any(present) else (single, single)
    values = int(getattr(fields, first)), int(getattr(fields, second))
    if min(values) < least or max(values) > LARGEST:
        raise FieldError(f"{stem} is out of range", expected=f"{stem} of at least {least}", got=_both(values))
    return values


def _both(pair: tuple[int, int]) -> str:
    """Write the values along height and width."""
    return f"{pair[0]} and {pair[1]}"
