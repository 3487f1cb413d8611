"""Pooling: one number for each window of an image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pycaffelite.blob import Blob, Shape
from pycaffelite.errors import FieldError, ShapeError, WiringError
from pycaffelite.kernels import pooling
from pycaffelite.layers.base import Arity, Context, Layer, Layout, shape_text
from pycaffelite.layers.pools import Pool, draw_uniform, pooled_sizes, window_counts
from pycaffelite.layers.registry import register
from pycaffelite.layers.windows import LARGEST, Windows
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
        (false): one window of the whole channel; round_mode (CEIL), or ceil_mode (true), as some forks call it; engine
        (ignored).
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
        self.floor = _rounds_down(fields)
        self.passes = 0  # of random numbers drawn
        if len(message.top) > 1 and self.method != messages.PoolingParameter.MAX:
            raise WiringError("only MAX has a second top", expected="1 top", got=f"{len(message.top)} tops")
        self.stride = _pair(fields, "stride", least=1)
        self.pad = _pair(fields, "pad", least=0)
        self.kernel = self._kernel(fields)
        self.pool = Pool(self.method, context)

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
        windows = self._windows(shape)
        top = (*shape[:2], *window_counts(shape, windows, floor=self.floor))
        try:
            pooled_sizes(shape, windows, floor=self.floor, hint="write `round_mode: FLOOR`")
        except ShapeError as problem:
            problem.tops = (top,) * max(1, len(self.message.top)) if min(top) >= 0 else ()
            raise
        return Layout([top] * max(1, len(self.message.top)), buffers=self.pool.buffers(top))

    def _windows(self, shape: Shape) -> Windows:
        """Return how the windows slide over a bottom of this shape."""
        kernel = shape[2:] if self.whole else self.kernel
        return Windows(kernel, self.stride, self.pad, (1, 1))

    def prepare(self, bottom_shapes: Sequence[Shape]) -> None:
        """Gather the lengths that the kernels take."""
        shape = bottom_shapes[0]
        windows = self._windows(shape)
        self.pool.place(shape[2:], pooled_sizes(shape, windows, floor=self.floor), windows)

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Write y, and the mask if it is asked for."""
        if self.pool.draws:
            draw_uniform(self.context.key(self.name), self.passes, self.buffers["uniform"])
            self.passes += 1
        self.pool.forward(bottom[0].flat_data, top[0].flat_data, self.buffers)
        if len(top) > 1:
            pooling.copy_places(self.buffers["places"], top[1].flat_data, self.pool.geometry)

    def forward_alone(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Write y; the places of maxima only if the mask is asked for."""
        if len(top) == 1 and self.pool.largest:
            self.pool.forward_alone(bottom[0].flat_data, top[0].flat_data, self.buffers)
        else:
            self.forward(bottom, top)

    def backward(self, top: Sequence[Blob], wanted: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """Write dx."""
        if wanted[0]:
            x, y = bottom[0], top[0]
            self.pool.backward(x.flat_data, y.flat_data, y.flat_diff, x.flat_diff, self.buffers)

    def state(self) -> dict[str, Any]:
        """Return how many passes have drawn random numbers."""
        return {"passes": self.passes} if self.pool.drawn else {}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on drawing after that many passes."""
        self.passes = int(state.get("passes", 0))


def _rounds_down(fields: Any) -> bool:
    """Return whether a last window that does not fit is left out."""
    if fields.HasField("round_mode"):
        return bool(fields.round_mode == messages.PoolingParameter.FLOOR)
    return not fields.ceil_mode


def _pair(fields: Any, stem: str, *, least: int, single: str | None = None) -> tuple[int, int]:
    """Return the values of a field along height and width, whichever of its two forms is there."""
    single = single or stem
    named = [f"{stem}_{axis}" for axis in _AXES]
    present = [fields.HasField(name) for name in named]
    if stem == "kernel" and fields.HasField(single) and not all(present):
        present = [False, False]  # one of the two beside kernel_size has no effect, as in Caffe
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
