"""InnerProduct: every output sees every input."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from pycaffelite.blob import Array, Blob, Shape
from pycaffelite.errors import ShapeError
from pycaffelite.kernels.gemm import add_column_sums, gemm
from pycaffelite.layers.base import Context, Layer, Layout, ParamLayout, canonical_axis, shape_text
from pycaffelite.layers.registry import register
from pycaffelite.layers.windows import LARGEST, positive_output


@register("InnerProduct")
class InnerProduct(Layer):
    """Multiply by a matrix of weights and add a bias: a fully connected layer.

    y[m,o] = bias[o] + sum over k of w[o,k] x[m,k]

    Here m runs over the axes of x before `axis`, and k over the others, in row-major order.

    Bottoms: x, M... x K...
    Tops: y, M... x num_output.
    Params: w, num_output x K, or K x num_output with transpose; bias, num_output, if bias_term.
    Fields: `inner_product_param`: num_output; axis (1); bias_term (true); transpose (false); weight_filler,
        bias_filler.
    Backward: dx[m,k] = sum over o of dy[m,o] w[o,k]; dw[o,k] += sum over m of dy[m,o] x[m,k]; dbias[o] += sum over m of
        dy[m,o].
    Errors: num_output missing or 0; axis out of range; more weights than Caffe can count.
    Source: Caffe's InnerProduct layer.
    """

    overwrites_params = True

    def __init__(self, message: Any, context: Context) -> None:
        super().__init__(message, context)
        self.fields = message.inner_product_param
        self.outputs = positive_output(self.fields, "inner_product_param")
        self.transposed: bool = self.fields.transpose

    def layout(self, bottom_shapes: Sequence[Shape]) -> Layout:
        """Return the top, the weights and the bias."""
        shape = bottom_shapes[0]
        axis = canonical_axis(self.fields.axis, shape)
        depth = math.prod(shape[axis:])
        if depth * self.outputs > LARGEST:
            raise ShapeError(
                "there are too many weights",
                expected=f"num_output times inputs of at most {LARGEST}",
                got=f"num_output {self.outputs}, {depth} inputs from a bottom of shape {shape_text(shape)}",
            )
        weights = (depth, self.outputs) if self.transposed else (self.outputs, depth)
        params = [ParamLayout(weights, self.fields.weight_filler)]
        if self.fields.bias_term:
            params.append(ParamLayout((self.outputs,), self.fields.bias_filler))
        return Layout([(*shape[:axis], self.outputs)], params)

    def macs(self, bottom_shapes: Sequence[Shape], layout: Layout) -> int:
        """Count: each number of the bottom goes into every output."""
        return math.prod(bottom_shapes[0]) * self.outputs

    def prepare(self, bottom_shapes: Sequence[Shape]) -> None:
        """Count the rows."""
        shape = bottom_shapes[0]
        self.rows = math.prod(shape[: canonical_axis(self.fields.axis, shape)])
        self.depth = math.prod(shape[canonical_axis(self.fields.axis, shape) :])

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Write y."""
        shift = self.own_shift()
        self.forward_fused(bottom, top, shift[:0], shift)

    def can_fuse(self, axis: int | None) -> bool:
        """Return whether the axis is that of the outputs."""
        return axis is None or axis == self.fields.axis

    def own_shift(self) -> Array:
        """Return the bias."""
        return self.params[1].data if len(self.params) > 1 else self.params[0].flat_data[:0]

    def forward_fused(
        self, bottom: Sequence[Blob], top: Sequence[Blob], scale: Array, shift: Array, slope: float | None = None
    ) -> None:
        """Write y = act(scale[o] (sum over k) + shift[o]), where act(v) = v if v > 0 else slope v.

        Args:
            bottom: The bottom.
            top: The top.
            scale: A number for each output, of the net's float type; empty: 1.
            shift: The same, in the place of the bias; empty: 0.
            slope: None: act(v) = v.
        """
        x, y = bottom[0].data.reshape(self.rows, self.depth), top[0].data.reshape(self.rows, self.outputs)
        weights = self.params[0].data
        gemm(x, weights, y, transpose_b=not self.transposed, bias=shift, scale=scale, slope=slope)

    def backward(self, top: Sequence[Blob], wanted: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """Write dx; add to dw and dbias, or overwrite them."""
        dy = top[0].diff.reshape(self.rows, self.outputs)
        if self.wanted_params[0]:
            x, dw = bottom[0].data.reshape(self.rows, self.depth), self.params[0].diff
            first, second = (x, dy) if self.transposed else (dy, x)
            gemm(first, second, dw, transpose_a=True, accumulate=not self.anew)
        if len(self.params) > 1 and self.wanted_params[1]:
            dbias = self.params[1].diff
            if self.anew:
                dbias.fill(0)
            add_column_sums(top[0].flat_diff, self.rows, self.outputs, dbias)
        if wanted[0]:
            dx = bottom[0].diff.reshape(self.rows, self.depth)
            gemm(dy, self.params[0].data, dx, transpose_b=self.transposed)
