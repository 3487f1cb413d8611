"""The family of pooling layers: how many windows there are, and what is made of those of one plane."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from pycaffelite.blob import Array, Shape
from pycaffelite.errors import ShapeError
from pycaffelite.kernels import pooling, stochastic_pooling
from pycaffelite.layers.base import Context, shape_text
from pycaffelite.layers.windows import Windows
from pycaffelite.schema import messages

_SMALLER = "use smaller strides, or larger windows"


def pooled_sizes(shape: Shape, windows: Windows, *, floor: bool = False, hint: str = _SMALLER) -> Shape:
    """Return how many windows there are along each spatial axis of N x C x spatial axes.

    Their number is rounded up, or down with `floor`. With any pad, there is one less along each axis where the last
    window would begin beyond the input and its first pad.

    Args:
        shape: The shape of the input.
        windows: How they slide.
        floor: Whether a last window that does not fit is left out.
        hint: What to do where the last window holds no input.

    Raises:
        ShapeError: There is no window, or the last one holds no input.
    """
    names = "dhw"[5 - len(shape) :] if len(shape) <= 5 else ""
    sizes = window_counts(shape, windows, floor=floor)
    numbers = zip(names, sizes, shape[2:], windows.kernel, windows.stride, windows.pad, strict=True)
    for name, size, length, kernel, stride, pad in numbers:
        if size < 1 or (size - 1) * stride - pad >= length:
            raise ShapeError(
                "kernel does not fit its input" if size < 1 else "the last window holds no input",
                expected=f"windows of {kernel} places, {stride} apart, that all touch the input along {name}",
                got=f"bottom of shape {shape_text(shape)}",
                hint="use a smaller kernel or pad the input" if size < 1 else hint,
            )
    return sizes


def window_counts(shape: Shape, windows: Windows, *, floor: bool = False) -> Shape:
    """Return what `pooled_sizes` returns, whether there is input in every window or not."""
    sizes = []
    for length, kernel, stride, pad in zip(shape[2:], windows.kernel, windows.stride, windows.pad, strict=True):
        room = length + 2 * pad - kernel
        size = (room // stride if floor else -(-room // stride)) + 1
        if any(windows.pad) and (size - 1) * stride >= length + pad:
            size -= 1
        sizes.append(size)
    return tuple(sizes)


class Pool:
    """Windows over the planes of N x C x H x W, and what becomes of each.

    Args:
        method: MAX, AVE or STOCHASTIC, as PoolingParameter counts them.
        context: The phase decides whether a stochastic pool draws.
    """

    def __init__(self, method: int, context: Context) -> None:
        methods = messages.PoolingParameter
        self.largest, self.drawn = method == methods.MAX, method == methods.STOCHASTIC
        self.draws = self.drawn and context.phase == "TRAIN"
        self.geometry = np.zeros(10, np.int64)

    def place(self, lengths: Sequence[int], sizes: Sequence[int], windows: Windows) -> None:
        """Take the lengths of the input and of the output."""
        numbers = [*lengths, *sizes, *windows.kernel, *windows.stride, *windows.pad]
        self.geometry = np.array(numbers, np.int64)

    def buffers(self, top: Shape) -> dict[str, tuple[Shape, None]]:
        """Return what `forward` and `backward` need: places, as integers in the bits of floats, and random numbers."""
        names = ["places"] if self.largest or self.drawn else []
        return dict.fromkeys(names + ["uniform"] * self.drawn, ((math.prod(top),), None))

    def forward(self, x: Array, y: Array, buffers: Mapping[str, Array]) -> None:
        """Write y; `buffers` hold random numbers from [0, 1) where they are drawn. All arrays are flat."""
        if self.largest:
            pooling.max_forward(x, y, buffers["places"], self.geometry)
        elif not self.drawn:
            pooling.average_forward(x, y, self.geometry)
        elif self.draws:
            stochastic_pooling.sample_forward(x, buffers["uniform"], y, buffers["places"], self.geometry)
        else:
            stochastic_pooling.expect_forward(x, y, self.geometry)

    def forward_alone(self, x: Array, y: Array, buffers: Mapping[str, Array]) -> None:
        """Write y where no `backward` follows."""
        if self.largest and not pooling.has_quads(self.geometry):
            pooling.max_without_places(x, y, self.geometry)
        else:
            self.forward(x, y, buffers)

    def backward(self, x: Array, y: Array, dy: Array, dx: Array, buffers: Mapping[str, Array]) -> None:
        """Write dx. All arrays are flat."""
        if self.largest or self.draws:
            pooling.max_backward(dy, buffers["places"], dx, self.geometry)
        elif self.drawn:
            stochastic_pooling.expect_backward(x, y, dy, dx, self.geometry)
        else:
            pooling.average_backward(dy, dx, self.geometry)


def draw_uniform(key: int, passes: int, uniform: Array) -> None:
    """Write numbers from [0, 1): the same for a key and a number of passes, in every float type."""
    generator = np.random.Generator(np.random.Philox(key=key, counter=[0, passes, 0, 0]))
    uniform[...] = generator.random(uniform.size).reshape(uniform.shape)
