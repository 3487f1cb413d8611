"""InnerDistance: every output is how far the input is from a point."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from pycaffelite.blob import Blob, Shape
from pycaffelite.errors import FieldError, ShapeError
from pycaffelite.kernels import inner_distance, rows
from pycaffelite.kernels.gemm import add_column_sums
from pycaffelite.layers.base import Context, Layer, Layout, ParamLayout, canonical_axis, shape_text
from pycaffelite.layers.registry import register
from pycaffelite.layers.windows import positive_output

_KINDS = ("L1", "L2")
_LEAST = 1e-6  # is added to squared lengths, as in the fork


@register("InnerDistance")
class InnerDistance(Layer):
    """Measure how far an input is from each of some learned points.

    y[m,o] = bias[o] + sum over k of (x[m,k] - w[o,k])^2, with distance_type "L1" of |x[m,k] - w[o,k]|

    Here m runs over the axes of x before `axis`, and k over the others, in row-major order. With normalize each forward
    pass first divides each w[o], in the parameter itself, by sqrt(1e-6 + its squared length).

    Bottoms: x, M... x K...
    Tops: y, M... x num_output.
    Params: w, num_output x K; bias, num_output, if bias_term.
    Fields: `inner_distance_param`: num_output; distance_type ("L2"); axis (1); bias_term (true); normalize (false);
        weight_filler, bias_filler.
    Backward: dx[m,k] = sum over o of dy[m,o] 2 (x[m,k] - w[o,k]), L1: of dy[m,o] sign(x[m,k] - w[o,k]); dw[o,k] += the
        same summed over m, negative, whatever normalize does; dbias[o] += sum over m of dy[m,o].
    Errors: num_output missing; a distance_type that is neither; axis out of range; nothing to measure.
    Source: the caffe-windows fork. Its forms with points and bias as further bottoms are not here.
    """

    def __init__(self, message: Any, context: Context) -> None:
        super().__init__(message, context)
        self.fields = message.inner_distance_param
        self.outputs = positive_output(self.fields, "inner_distance_param")
        if self.fields.distance_type not in _KINDS:
            raise FieldError("unknown distance_type", expected='"L1" or "L2"', got=f'"{self.fields.distance_type}"')
        self.absolute = self.fields.distance_type == "L1"

    def layout(self, bottom_shapes: Sequence[Shape]) -> Layout:
        """Return the top, the points and the bias."""
        shape = bottom_shapes[0]
        axis = canonical_axis(self.fields.axis, shape)
        depth = math.prod(shape[axis:])
        if depth == 0:
            raise ShapeError("there is nothing to measure", expected="inputs", got=f"shape {shape_text(shape)}")
        params = [ParamLayout((self.outputs, depth), self.fields.weight_filler)]
        if self.fields.bias_term:
            params.append(ParamLayout((self.outputs,), self.fields.bias_filler))
        return Layout([(*shape[:axis], self.outputs)], params, {"norms": ((self.outputs,), None)})

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Write y."""
        points, norms, y = self.params[0].data, self.buffers["norms"], top[0].data
        depth = points.shape[1]
        if self.fields.normalize:
            rows.lengths(points.reshape(-1), depth, norms)
            points /= np.sqrt(norms**2 + _LEAST)[:, None]
        inner_distance.distances(bottom[0].data.reshape(-1), points.reshape(-1), y.reshape(-1), depth, self.absolute)
        if self.fields.bias_term:
            y += self.params[1].data

    def backward(self, top: Sequence[Blob], wanted: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """Write dx; add to dw and dbias."""
        points, dy = self.params[0], top[0].diff.reshape(-1)
        x, w, depth = bottom[0].data.reshape(-1), points.data.reshape(-1), points.shape[1]
        if self.wanted_params[0]:
            inner_distance.add_away(x, w, dy, points.diff.reshape(-1), depth, self.absolute)
        if self.fields.bias_term and self.wanted_params[1]:
            add_column_sums(dy, dy.size // self.outputs, self.outputs, self.params[1].diff)
        if wanted[0]:
            inner_distance.toward(x, w, dy, bottom[0].diff.reshape(-1), depth, self.absolute)
