"""SpatialTransformer: an image read through a map that another layer predicts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from pycaffelite.blob import Blob, Shape
from pycaffelite.errors import FieldError, ShapeError
from pycaffelite.kernels import spatial_transformer
from pycaffelite.layers.base import Arity, Context, Layer, Layout, shape_text
from pycaffelite.layers.registry import register

_NAMES = [f"theta_{row}_{column}" for row in (1, 2) for column in (1, 2, 3)]


@register("SpatialTransformer")
class SpatialTransformer(Layer):
    """Read each image at points that an affine map gives, between pixels by closeness.

    y[n,c,s,t] = sum over h, w of max(0, 1 - |p - h|) max(0, 1 - |q - w|) x[n,c,h,w], at the point
    (p, q) = (H / 2 (1 + theta_1_1 a + theta_1_2 b + theta_1_3), W / 2 (1 + theta_2_1 a + theta_2_2 b + theta_2_3)),
    a = 2 s / H' - 1, b = 2 t / W' - 1: the first coordinate counts rows.

    Bottoms: x, N x C x H x W; theta, N x as many numbers as the fields do not fix, in the order of their names.
    Tops: y, N x C x H' x W'.
    Params: none.
    Fields: `st_param`: output_H, output_W, which are H' and W' (H and W); theta_1_1 to theta_2_3, numbers that are
        fixed; to_compute_dU (true): false for dx = 0; transform_type ("affine") and sampler_type ("bilinear"), which
        have no other value.
    Backward: dx and dtheta by the chain rule; where a point lies on a pixel, the slope is that towards the next one.
    Errors: another transform_type or sampler_type; a size below 1; x without four axes; numbers in theta that do not
        fit.
    Source: Jaderberg et al., Spatial Transformer Networks, 2015, in the layer of Mo that has this name.
    """

    arity = Arity(bottoms=(2, 2))

    def __init__(self, message: Any, context: Context) -> None:
        super().__init__(message, context)
        fields = self.fields = message.st_param
        for name, only in (("transform_type", "affine"), ("sampler_type", "bilinear")):
            if getattr(fields, name) != only:
                raise FieldError(f"unknown {name}", expected=f'"{only}"', got=f'"{getattr(fields, name)}"')
        for name in ("output_H", "output_W"):
            if fields.HasField(name) and getattr(fields, name) < 1:
                raise FieldError(f"{name} is out of range", expected="at least 1", got=str(getattr(fields, name)))
        self.fixed = [i for i, name in enumerate(_NAMES) if fields.HasField(name)]
        self.free = [i for i in range(6) if i not in self.fixed]

    def layout(self, bottom_shapes: Sequence[Shape]) -> Layout:
        """Return the top, and room for whole maps and their gradients."""
        shape, theta = bottom_shapes
        if len(shape) != 4:
            raise ShapeError(
                "SpatialTransformer needs four axes",
                expected="N x C x H x W",
                got=f"bottom of shape {shape_text(shape)}",
            )
        if theta[:1] != shape[:1] or math.prod(theta[1:]) != len(self.free):
            raise ShapeError(
                "theta does not fit",
                expected=f"{shape[0]} times {len(self.free)} numbers, those that no field fixes",
                got=f"second bottom of shape {shape_text(theta)}",
            )
        maps = ((shape[0], 6), None)
        return Layout([(*shape[:2], *self._size(shape))], buffers={"theta": maps, "dtheta": maps})

    def _size(self, shape: Shape) -> Shape:
        """Return rows and columns of the top."""
        fields = self.fields
        return (
            fields.output_H if fields.HasField("output_H") else shape[2],
            fields.output_W if fields.HasField("output_W") else shape[3],
        )

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Write y."""
        theta = self.buffers["theta"]
        for i in self.fixed:
            theta[:, i] = getattr(self.fields, _NAMES[i])
        theta[:, self.free] = bottom[1].data.reshape(len(theta), -1)
        x, y = bottom[0], top[0].flat_data
        spatial_transformer.sample(x.flat_data, theta.reshape(-1), y, x.shape, top[0].shape[2:])

    def backward(self, top: Sequence[Blob], wanted: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """Write dx and dtheta."""
        x, theta, dtheta = bottom[0], self.buffers["theta"], self.buffers["dtheta"]
        compute = wanted[0] and self.fields.to_compute_dU
        if wanted[0] and not compute:
            x.diff.fill(0)
        if compute or wanted[1]:
            arrays = (x.data, theta, top[0].diff, x.diff, dtheta)
            u, maps, dv, du, dmaps = (array.reshape(-1) for array in arrays)
            spatial_transformer.sample_backward(u, maps, dv, du, dmaps, x.shape, top[0].shape[2:], compute)
        if wanted[1]:
            bottom[1].diff[...] = dtheta[:, self.free].reshape(bottom[1].shape)
