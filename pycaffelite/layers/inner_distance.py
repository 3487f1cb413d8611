"""InnerDistance: every output is how far the input is from a point."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from pycaffelite.blob import Array, Blob, Shape
from pycaffelite.errors import FieldError, ShapeError, WiringError
from pycaffelite.kernels import inner_distance, rows
from pycaffelite.kernels.gemm import add_column_sums
from pycaffelite.layers.base import Arity, Context, Layer, Layout, ParamLayout, canonical_axis, shape_text
from pycaffelite.layers.class_scores import wrong_label
from pycaffelite.layers.registry import register
from pycaffelite.layers.windows import positive_output

_KINDS = ("L1", "L2")
_LEAST = 1e-6  # is added to squared lengths, as in the fork


@register("InnerDistance")
class InnerDistance(Layer):
    """Measure how far an input is from each of some points, which are learned or computed.

    y[m,o] = bias[o] + sum over k of (x[m,k] - w[o,k])^2, with distance_type "L1" of |x[m,k] - w[o,k]|

    Here m runs over the axes of x before `axis`, and k over the others, in row-major order. With normalize each forward
    pass first divides each learned w[o], in the parameter itself, by sqrt(1e-6 + its squared length).

    Bottoms: x, M... x K...; optionally w, O x K...; with update_center_only at last label, M classes stored as floats.
    Tops: y, M... x O.
    Params: w, num_output x K, unless it is a bottom; bias, O, with `bias_term: true`.
    Fields: `inner_distance_param`: num_output, which is O; distance_type ("L2"); axis (1); bias_term; normalize
        (false); update_center_only (false); weight_filler, bias_filler.
    Backward: dx[m,k] = sum over o of dy[m,o] 2 (x[m,k] - w[o,k]), L1: of dy[m,o] sign(x[m,k] - w[o,k]); dw[o,k] the
        same summed over m, negative, whatever normalize does, with update_center_only over the m of class o alone;
        dbias[o] += sum over m of dy[m,o]. The labels get 0.
    Errors: num_output missing; a distance_type that is neither; axis out of range; nothing to measure; points or labels
        that do not fit, or are missing; a label that is no class.
    Source: the caffe-windows fork.
    """

    arity = Arity(bottoms=(1, 3))

    def __init__(self, message: Any, context: Context) -> None:
        super().__init__(message, context)
        fields = self.fields = message.inner_distance_param
        self.labelled: bool = fields.update_center_only
        self.given = len(message.bottom) - self.labelled == 2  # whether the points are a bottom
        if not 1 <= len(message.bottom) - self.labelled <= 2:
            labels = ", and the labels" if self.labelled else ""
            raise WiringError(
                "wrong number of bottoms", expected=f"1 or 2{labels}", got=f"{len(message.bottom)} bottoms"
            )
        self.outputs = 0 if self.given else positive_output(fields, "inner_distance_param")
        if fields.distance_type not in _KINDS:
            raise FieldError("unknown distance_type", expected='"L1" or "L2"', got=f'"{fields.distance_type}"')
        self.absolute = fields.distance_type == "L1"
        self.biased: bool = fields.HasField("bias_term") and fields.bias_term

    def layout(self, bottom_shapes: Sequence[Shape]) -> Layout:
        """Return the top, the points and the bias."""
        shape = bottom_shapes[0]
        axis = canonical_axis(self.fields.axis, shape)
        count, depth = math.prod(shape[:axis]), math.prod(shape[axis:])
        outputs = self.outputs
        if depth == 0:
            raise ShapeError("there is nothing to measure", expected="inputs", got=f"shape {shape_text(shape)}")
        if self.given:
            outputs = bottom_shapes[1][0] if bottom_shapes[1] else 0
            if outputs == 0 or math.prod(bottom_shapes[1][1:]) != depth:
                raise ShapeError(
                    "the points do not fit the input",
                    expected=f"points x {depth}",
                    got=f"bottom of shape {shape_text(bottom_shapes[1])}",
                )
        if self.labelled and math.prod(bottom_shapes[-1]) != count:
            raise ShapeError(
                "the labels do not fit the input",
                expected=f"{count}, for an input of shape {shape_text(shape)}",
                got=f"bottom of shape {shape_text(bottom_shapes[-1])}",
            )
        params = [] if self.given else [ParamLayout((outputs, depth), self.fields.weight_filler)]
        params += [ParamLayout((outputs,), self.fields.bias_filler)] if self.biased else []
        own = {"own": ((count, outputs), None)} if self.labelled else {}
        return Layout([(*shape[:axis], outputs)], params, {"norms": ((outputs,), None), **own})

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Write y."""
        points, norms, y = self._points(bottom).data, self.buffers["norms"], top[0].data
        depth = points.size // norms.size
        if self.fields.normalize and not self.given:
            rows.lengths(points.reshape(-1), depth, norms)
            points /= np.sqrt(norms**2 + _LEAST)[:, None]
        inner_distance.distances(bottom[0].flat_data, points.reshape(-1), y.reshape(-1), depth, self.absolute)
        if self.biased:
            y += self.params[-1].data

    def _points(self, bottom: Sequence[Blob]) -> Blob:
        return bottom[1] if self.given else self.params[0]

    def backward(self, top: Sequence[Blob], wanted: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """Write dx, and dw of points that are a bottom; add to those of parameters."""
        points, dy = self._points(bottom), top[0].flat_diff
        outputs = self.buffers["norms"].size
        x, w, depth = bottom[0].flat_data, points.flat_data, points.count // outputs
        if self.given and wanted[1]:
            points.diff.fill(0)
        if wanted[1] if self.given else self.wanted_params[0]:
            own = self._own(dy, bottom[-1]) if self.labelled else dy
            inner_distance.add_away(x, w, own, points.flat_diff, depth, self.absolute)
        if self.biased and self.wanted_params[-1]:
            add_column_sums(dy, dy.size // outputs, outputs, self.params[-1].diff)
        if self.labelled and wanted[-1]:
            bottom[-1].diff.fill(0)
        if wanted[0]:
            inner_distance.toward(x, w, dy, bottom[0].flat_diff, depth, self.absolute)

    def _own(self, dy: Array, labels: Blob) -> Array:
        """Return dy where o is the class of m, and 0 elsewhere."""
        own = self.buffers["own"]
        count, outputs = own.shape
        values = labels.flat_data
        wrong = np.flatnonzero(~((values > -1) & (values < outputs)))
        if wrong.size:
            raise wrong_label(labels, int(wrong[0]), outputs)
        own.fill(0)
        place = np.arange(count), values.astype(np.int64)
        own[place] = dy.reshape(own.shape)[place]
        return own.reshape(-1)
