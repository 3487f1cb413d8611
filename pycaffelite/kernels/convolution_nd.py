"""Convolution over any number of spatial axes: patches of one image as a matrix, multiplied as a 1 x 1 convolution.

The functions are those of `convolution`; slower, because the whole matrix stands in memory.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pycaffelite.kernels import convolution, im2col
from pycaffelite.kernels._jit import Array
from pycaffelite.kernels.convolution import Plan
from pycaffelite.kernels.convolution_plan import Geometry


@dataclass(frozen=True)
class NdPlan:
    """The plan of the 1 x 1 convolution, and how an image becomes its input."""

    inner: Plan
    images: int
    channels: int
    axes: npt.NDArray[np.int64]
    columns: Array


def make_nd_plan(
    images: int, channels: int, outputs: int, axes: Sequence[Sequence[int]], groups: int, dtype: npt.DTypeLike
) -> NdPlan:
    """Plan a convolution; `axes` holds (length, outputs, kernel, stride, pad, dilation) of each spatial axis."""
    area = math.prod(axis[im2col.KERNEL] for axis in axes)
    pixels = math.prod(axis[im2col.OUTPUTS] for axis in axes)
    inner = Plan(Geometry(1, channels * area, 1, pixels, outputs, (1, 1), groups=groups), dtype)
    columns = np.zeros(channels * area * pixels, dtype)
    return NdPlan(inner, images, channels, np.array(axes, np.int64), columns)


def forward(
    plan: NdPlan, x: Array, w: Array, shift: Array, y: Array, scale: Array | None = None, slope: float | None = None
) -> None:
    """Write y. All arrays are flat; what ends a sum is as in `convolution.forward`."""
    for image, result in zip(x.reshape(plan.images, -1), y.reshape(plan.images, -1), strict=True):
        im2col.im2col(image, plan.columns, plan.channels, plan.axes)
        convolution.forward(plan.inner, plan.columns, w, shift, result, scale, slope)


def weight_gradient(plan: NdPlan, x: Array, dy: Array, dw: Array, dbias: Array) -> None:
    """Add to dw and dbias, each unless it is empty."""
    for image, diff in zip(x.reshape(plan.images, -1), dy.reshape(plan.images, -1), strict=True):
        im2col.im2col(image, plan.columns, plan.channels, plan.axes)
        convolution.weight_gradient(plan.inner, plan.columns, diff, dw, dbias)


def data_gradient(plan: NdPlan, w: Array, dy: Array, dx: Array) -> None:
    """Overwrite dx."""
    for diff, result in zip(dy.reshape(plan.images, -1), dx.reshape(plan.images, -1), strict=True):
        convolution.data_gradient(plan.inner, w, diff, plan.columns)
        im2col.col2im(plan.columns, result, plan.channels, plan.axes)
