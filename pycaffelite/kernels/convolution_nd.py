"""Convolution over any number of spatial axes: patches of one image as a matrix, multiplied as a 1 x 1 convolution.

The functions are those of `convolution`; slower, because the whole matrix stands in memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
import numpy.typing as npt

from pycaffelite.kernels import convolution, im2col
from pycaffelite.kernels._jit import Array
from pycaffelite.kernels.convolution import Plan
from pycaffelite.kernels.convolution_plan import Geometry
from pycaffelite.kernels.permute import permute


class NdPlan:
    """The plan of the 1 x 1 convolution, and how an image becomes its input.

    For the gradient of weights an image is cut into slabs, one for each index of the output's first spatial axis, which
    are images to that convolution: it sums over them in parallel.
    """

    def __init__(
        self, images: int, channels: int, outputs: int, axes: npt.NDArray[np.int64], groups: int, dtype: npt.DTypeLike
    ) -> None:
        self.images, self.channels, self.outputs, self.axes = images, channels, outputs, axes
        self.rows = channels * int(axes[:, im2col.KERNEL].prod())
        self.pixels = int(axes[:, im2col.OUTPUTS].prod())
        self.groups, self.dtype = groups, np.dtype(dtype)
        self.inner = Plan(Geometry(1, self.rows, 1, self.pixels, outputs, (1, 1), groups=groups), dtype)
        self.columns = np.zeros(self.rows * self.pixels, dtype)
        self.slabs = int(axes[0, im2col.OUTPUTS])

    @cached_property
    def inner_of_slabs(self) -> Plan:
        """Return the plan of the 1 x 1 convolution of all slabs."""
        pixels = self.pixels // self.slabs
        geometry = Geometry(self.slabs, self.rows, 1, pixels, self.outputs, (1, 1), groups=self.groups)
        return Plan(geometry, self.dtype)

    @cached_property
    def slab_axes(self) -> list[npt.NDArray[np.int64]]:
        """Return for each slab the lengths that make its columns: one output, whose window begins there."""
        axes = np.repeat(self.axes[None], self.slabs, axis=0)
        axes[:, 0, im2col.OUTPUTS] = 1
        axes[:, 0, im2col.PAD] -= self.axes[0, im2col.STRIDE] * np.arange(self.slabs)
        return list(axes)

    @cached_property
    def diffs(self) -> Array:
        """Return room for the gradient of one image's output, slab by slab."""
        return np.zeros((self.slabs, self.outputs, self.pixels // self.slabs), self.dtype)


def make_nd_plan(
    images: int, channels: int, outputs: int, axes: Sequence[Sequence[int]], groups: int, dtype: npt.DTypeLike
) -> NdPlan:
    """Plan a convolution; `axes` holds (length, outputs, kernel, stride, pad, dilation) of each spatial axis."""
    return NdPlan(images, channels, outputs, np.array(axes, np.int64), groups, dtype)


def forward(
    plan: NdPlan, x: Array, w: Array, shift: Array, y: Array, scale: Array | None = None, slope: float | None = None
) -> None:
    """Write y. All arrays are flat; what ends a sum is as in `convolution.forward`."""
    for image, result in zip(x.reshape(plan.images, -1), y.reshape(plan.images, -1), strict=True):
        im2col.im2col(image, plan.columns, plan.channels, plan.axes)
        convolution.forward(plan.inner, plan.columns, w, shift, result, scale, slope)


def weight_gradient(plan: NdPlan, x: Array, dy: Array, dw: Array, dbias: Array) -> None:
    """Add to dw and dbias, each unless it is empty."""
    columns = plan.columns.reshape(plan.slabs, -1)
    for image, diff in zip(x.reshape(plan.images, -1), dy.reshape(plan.images, -1), strict=True):
        for slab, axes in zip(columns, plan.slab_axes, strict=True):
            im2col.im2col(image, slab, plan.channels, axes)
        permute(diff.reshape(plan.outputs, plan.slabs, -1), (1, 0, 2), plan.diffs)
        convolution.weight_gradient(plan.inner_of_slabs, plan.columns, plan.diffs.reshape(-1), dw, dbias)


def data_gradient(plan: NdPlan, w: Array, dy: Array, dx: Array) -> None:
    """Overwrite dx."""
    for diff, result in zip(dy.reshape(plan.images, -1), dx.reshape(plan.images, -1), strict=True):
        convolution.data_gradient(plan.inner, w, diff, plan.columns)
        im2col.col2im(plan.columns, result, plan.channels, plan.axes)
