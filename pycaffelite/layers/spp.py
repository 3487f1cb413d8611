"""SPP: pooling into the same number of windows for images of any size."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pycaffelite.blob import Array, Blob, Shape
from pycaffelite.errors import FieldError, ShapeError
from pycaffelite.layers.base import Context, Layer, Layout, shape_text
from pycaffelite.layers.pools import Pool, draw_uniform, pooled_sizes
from pycaffelite.layers.registry import register
from pycaffelite.layers.windows import Windows

_MOST_LEVELS = 16  # 2^16 windows along an axis


@register("SPP")
class SPP(Layer):
    """Pool images into 1, 4, 16 ... windows, all in one vector: spatial pyramid pooling.

    Level l = 0 ... pyramid_height - 1 has 2^l x 2^l windows of ceil(H / 2^l) x ceil(W / 2^l) places, side by side, over
    the image with as many zeros around it as make them fit, half of those that are needed on each side, rounded up.

    Bottoms: x, N x C x H x W.
    Tops: y, N x (C times all windows), level by level, each channel by channel; with pyramid_height 1 N x C x 1 x 1.
    Params: none.
    Fields: `spp_param`: pyramid_height; pool (MAX), as of Pooling; engine (ignored).
    Backward: as of Pooling, summed over the levels.
    Errors: no pyramid_height; not four axes; an image so small that a window would hold padding only; any padding
        with STOCHASTIC.
    Source: He et al., Spatial Pyramid Pooling in Deep Convolutional Networks for Visual Recognition, 2014. As in Caffe
        the sizes of windows are rounded up, so some levels of some images have fewer windows.
    """

    def __init__(self, message: Any, context: Context) -> None:
        super().__init__(message, context)
        self.levels = int(message.spp_param.pyramid_height)
        self.passes = 0  # of random numbers drawn
        if not 0 < self.levels <= _MOST_LEVELS:
            raise FieldError(
                "pyramid_height is missing" if self.levels == 0 else "pyramid_height is out of range",
                expected=f"pyramid_height from 1 to {_MOST_LEVELS}",
                got="none" if self.levels == 0 else str(self.levels),
            )
        self.pools = [Pool(message.spp_param.pool, context) for _ in range(self.levels)]

    def layout(self, bottom_shapes: Sequence[Shape]) -> Layout:
        """Return the top; for each level a top and a diff of its own, and what its pool needs."""
        shape = bottom_shapes[0]
        if len(shape) != 4:
            raise ShapeError(
                "SPP needs four axes", expected="N x C x H x W", got=f"bottom of shape {shape_text(shape)}"
            )
        all_windows = [_windows(shape, level) for level in range(self.levels)]
        if self.pools[0].drawn and any(sum(windows.pad) for windows in all_windows):
            raise ShapeError(
                "STOCHASTIC pooling has no padding",
                expected=f"height and width that {1 << (self.levels - 1)} divides",
                got=f"bottom of shape {shape_text(shape)}",
            )
        tops = [(*shape[:2], *pooled_sizes(shape, windows)) for windows in all_windows]
        buffers: dict[str, Any] = {"dx": (shape, None)} if self.levels > 1 else {}
        for level, (pool, top) in enumerate(zip(self.pools, tops, strict=True)):
            own = {"y": (top, None), "dy": (top, None)} if self.levels > 1 else {}
            buffers |= {f"{name}_{level}": buffer for name, buffer in {**own, **pool.buffers(top)}.items()}
        count = sum(math.prod(top[1:]) for top in tops)
        return Layout([(shape[0], count) if self.levels > 1 else tops[0]], buffers=buffers)

    def prepare(self, bottom_shapes: Sequence[Shape]) -> None:
        """Gather the lengths that the kernels take."""
        shape = bottom_shapes[0]
        for level, pool in enumerate(self.pools):
            windows = _windows(shape, level)
            pool.place(shape[2:], pooled_sizes(shape, windows), windows)

    def _own(self, level: int) -> dict[str, Array]:
        """Return the buffers of a level."""
        end = f"_{level}"
        return {name.removesuffix(end): array for name, array in self.buffers.items() if name.endswith(end)}

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Write y."""
        begin = 0
        for level, pool in enumerate(self.pools):
            own = self._own(level)
            if pool.draws:
                draw_uniform(self.context.key(f"{self.name} {level}"), self.passes, own["uniform"])
            y = own.get("y", top[0].data)
            pool.forward(bottom[0].flat_data, y.reshape(-1), own)
            if self.levels > 1:
                end = begin + y[0].size
                np.copyto(top[0].data[:, begin:end], y.reshape(len(y), -1))
                begin = end
        self.passes += self.pools[0].draws

    def backward(self, top: Sequence[Blob], wanted: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """Write dx."""
        if not wanted[0]:
            return
        begin, x, dx = 0, bottom[0].flat_data, bottom[0].diff
        if self.levels == 1:
            self.pools[0].backward(x, top[0].flat_data, top[0].flat_diff, bottom[0].flat_diff, self._own(0))
            return
        for level, pool in enumerate(self.pools):
            own = self._own(level)
            end = begin + own["dy"][0].size
            np.copyto(own["dy"].reshape(len(dx), -1), top[0].diff[:, begin:end])
            part = self.buffers["dx"] if level else dx
            pool.backward(x, own["y"].reshape(-1), own["dy"].reshape(-1), part.reshape(-1), own)
            if level:
                np.add(dx, part, out=dx)
            begin = end

    def state(self) -> dict[str, Any]:
        """Return how many passes have drawn random numbers."""
        return {"passes": self.passes} if self.pools[0].drawn else {}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on drawing after that many passes."""
        self.passes = int(state.get("passes", 0))


def _windows(shape: Shape, level: int) -> Windows:
    """Return the windows of a level; raise ShapeError where one would hold padding only."""
    count = 1 << level
    kernel = [-(-length // count) for length in shape[2:]]
    pad = [(size * count - length + 1) // 2 for size, length in zip(kernel, shape[2:], strict=True)]
    if any(p >= k for p, k in zip(pad, kernel, strict=True)):
        raise ShapeError(
            "the image is too small for the pyramid",
            expected=f"sizes that {count} windows of equal size cover with less than a window of padding",
            got=f"bottom of shape {shape_text(shape)}",
            hint="lower `pyramid_height`",
        )
    return Windows(tuple(kernel), tuple(kernel), tuple(pad), (1, 1))
