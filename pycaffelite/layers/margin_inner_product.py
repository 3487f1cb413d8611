"""MarginInnerProduct: scores by angle, with a margin for the right class."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from pycaffelite.blob import Array, Blob, Shape
from pycaffelite.kernels import rows
from pycaffelite.kernels.gemm import gemm
from pycaffelite.layers.base import Arity, Context, Layout, ParamLayout
from pycaffelite.layers.class_vectors import ClassVectors
from pycaffelite.layers.registry import register


@register("MarginInnerProduct")
class MarginInnerProduct(ClassVectors):
    """Score features by their length and their angle to each class, and multiply the angle to the right one.

    y[m,o] = |x[m]| cos t[m,o], t the angle between x[m] and w[o]; for o = label[m] instead
    (|x[m]| p(t[m,o]) + lambda |x[m]| cos t[m,o]) / (1 + lambda), with p(t) = (-1)^k cos(q t) - 2 k where
    k pi / q <= t <= (k + 1) pi / q, and q = 1, 2, 3, 4 for SINGLE, DOUBLE, TRIPLE, QUADRUPLE.
    lambda = max(lambda_min, base (1 + gamma i)^-power), i counts forward passes, the first being iteration + 1.
    Each forward pass brings the rows of w to length 1, in the parameter itself.

    Bottoms: x, M... x K...; label, M classes stored as floats.
    Tops: y, M... x num_output; optionally lambda, 1.
    Params: w, num_output x K.
    Fields: `margin_inner_product_param`: num_output; type (SINGLE); axis (1); weight_filler; base (1); gamma (0);
        power (1); iteration (0); lambda_min (0).
    Backward: that of the fork, which is no gradient. dw[o] = sum over m of dy[m,o] x[m], whatever the margin and the
        bringing to length 1. dx[m] = sum over o of dy[m,o] w[o]; for o = label[m] instead
        dy[m,o] (a w[o] + b x[m] + lambda w[o]) / (1 + lambda), where (a, b) points where the gradient of |x| p does,
        a = p'(c), b = (p - c p'(c)) / |x| as a function of c = cos t, but is brought to length 1.
    Errors: num_output missing; labels that do not fit or are no class; axis out of range.
    Source: Liu et al., SphereFace, 2017, in its fork.
    """

    arity: ClassVar[Arity] = Arity((2, 2), (1, 2))
    fields_name = "margin_inner_product_param"

    def __init__(self, message: Any, context: Context) -> None:
        super().__init__(message, context)
        self.factor = int(self.fields.type) + 1
        self.iteration = int(self.fields.iteration)
        self.share = 0.0  # lambda

    def layout(self, bottom_shapes: Sequence[Shape]) -> Layout:
        """Return the scores, maybe lambda; the directions; and numbers for each row."""
        axes, depth = self.split(bottom_shapes)
        tops = [(*axes, self.outputs), (1,)][: len(self.message.top)]
        count = int(np.prod(axes))
        return Layout(
            tops,
            [ParamLayout((self.outputs, depth), self.fields.weight_filler)],
            {"lengths": ((count,), None), "cosines": ((count,), None), "norms": ((self.outputs,), None)},
        )

    def macs(self, bottom_shapes: Sequence[Shape], layout: Layout) -> int:
        """Count: each number of the features meets every vector."""
        return math.prod(bottom_shapes[0]) * self.outputs

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Bring the directions to length 1; write scores and lambda."""
        fields, w = self.fields, self.params[0].data
        self.iteration += 1
        self.share = max(fields.base * (1 + fields.gamma * self.iteration) ** -fields.power, fields.lambda_min)
        norms, lengths, cosines = self.buffers["norms"], self.buffers["lengths"], self.buffers["cosines"]
        rows.lengths(w.reshape(-1), self.depth, norms)
        norms[norms == 0] = 1
        w /= norms[:, None]
        y = top[0].data.reshape(self.rows, self.outputs)
        gemm(bottom[0].data.reshape(self.rows, self.depth), w, y, transpose_b=True)
        if len(top) > 1:
            top[1].data[...] = self.share
        if self.factor == 1:
            return
        rows.lengths(bottom[0].flat_data, self.depth, lengths)
        right = np.arange(self.rows), self.classes(bottom[1])
        plain = y[right]
        np.divide(plain, lengths, out=cosines, where=lengths > 0)
        cosines[lengths == 0] = 0
        y[right] = (lengths * _bent(cosines, self.factor)[0] + self.share * plain) / (1 + self.share)

    def backward(self, top: Sequence[Blob], wanted: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """Write dx; add to dw."""
        dy, x = top[0].diff.reshape(self.rows, self.outputs), bottom[0].data.reshape(self.rows, self.depth)
        w = self.params[0].data
        if self.wanted_params[0]:
            gemm(dy, x, self.params[0].diff, transpose_a=True, accumulate=True)
        if not wanted[0]:
            return
        dx = bottom[0].diff.reshape(self.rows, self.depth)
        gemm(dy, w, dx)
        if self.factor > 1:
            classes = self.classes(bottom[1])
            along, inward = self._direction()
            weight = dy[np.arange(self.rows), classes] / (1 + self.share)
            rows.add_rows(x.reshape(-1), w.reshape(-1), classes, weight * (along - 1), weight * inward, dx.reshape(-1))

    def _direction(self) -> tuple[Array, Array]:
        """Return the factors of w and x in the backward pass of the margin; 1 and 0 for x = 0, which has no angle."""
        lengths, cosines = self.buffers["lengths"], self.buffers["cosines"]
        value, slope = _bent(cosines, self.factor)
        safe = np.where(lengths > 0, lengths, 1)
        inward = (value - cosines * slope) / safe
        size = np.hypot(slope, inward)
        return np.where(lengths > 0, slope / size, 1), np.where(lengths > 0, inward / size, 0)

    def state(self) -> dict[str, Any]:
        """Return how many passes there have been."""
        return {"iteration": self.iteration}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on after as many passes."""
        self.iteration = int(state["iteration"])


def _bent(c: Array, factor: int) -> tuple[Array, Array]:
    """Return p as a function of the cosine, which falls all the way from 0 to pi, and its slope."""
    sign = np.sign(c)
    if factor == 2:
        return 2 * sign * c**2 - 1, 4 * sign * c
    if factor == 3:
        outer = np.sign(np.abs(c) - 0.5)
        return outer * (4 * c**3 - 3 * c) + sign * (1 + outer) - 2, outer * (12 * c**2 - 3)
    turn = sign * np.sign(2 * c**2 - 1)
    return turn * (8 * c**4 - 8 * c**2 + 1) + 2 * sign + turn - 3, turn * (32 * c**3 - 16 * c)
