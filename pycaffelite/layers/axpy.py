"""Axpy: channels weighed image by image, and added to others."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from pycaffelite.blob import Array, Blob, Shape
from pycaffelite.errors import ShapeError
from pycaffelite.kernels import axpy, scale
from pycaffelite.layers.base import Arity, Layer, Layout, shape_text
from pycaffelite.layers.registry import register


@register("Axpy")
class Axpy(Layer):
    """Multiply each channel of each image by a number of its own, and add another blob.

    y[n,c,s] = a[n,c] x[n,c,s] + z[n,c,s]

    Bottoms: a, N x C, maybe with more axes of length 1; x, N x C x any axes; z, the shape of x.
    Tops: y, the shape of x.
    Params: none.
    Fields: none.
    Backward: da[n,c] = sum over s of dy x; dx = a dy; dz = dy.
    Errors: the bottoms do not fit each other.
    Source: Hu et al., Squeeze-and-Excitation Networks, 2017, in their fork.
    """

    arity = Arity(bottoms=(3, 3))

    def layout(self, bottom_shapes: Sequence[Shape]) -> Layout:
        """Return one top like x."""
        factors, x, other = bottom_shapes
        if len(x) < 2 or factors[:2] != x[:2] or math.prod(factors[2:]) != 1 or other != x:
            raise ShapeError(
                "the bottoms do not fit",
                expected="N x C, N x C x any axes, and the latter again",
                got=", ".join(map(shape_text, bottom_shapes)),
            )
        return Layout([x])

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Write y."""
        factors, x, other = (blob.flat_data for blob in bottom)
        axpy.axpy(factors, x, other, top[0].flat_data)

    def backward(self, top: Sequence[Blob], wanted: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """Write da, dx and dz."""
        factors, dy = bottom[0], _rows(top[0].diff)
        if wanted[0]:
            factors.diff.fill(0)
            scale.add_products(_rows(bottom[1].data), dy, factors.flat_diff)
        if wanted[1]:
            scale.scale_channels(dy, factors.flat_data, _rows(bottom[1].diff))
        if wanted[2]:
            np.copyto(bottom[2].diff, top[0].diff)


def _rows(array: Array) -> Array:
    """Return an array as one image with N C channels."""
    return array.reshape(1, math.prod(array.shape[:2]), math.prod(array.shape[2:]))
