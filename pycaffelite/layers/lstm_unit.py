"""LSTMUnit: one time step of LSTM cells."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from pycaffelite.blob import Blob, Shape
from pycaffelite.errors import ShapeError
from pycaffelite.kernels import lstm
from pycaffelite.layers.base import Arity, Layer, Layout, shape_text
from pycaffelite.layers.registry import register


@register("LSTMUnit")
class LSTMUnit(Layer):
    """Let cells forget, take up and show something, as their gates say.

    c'[n,d] = f c[n,d] + i g, h[n,d] = o tanh(c'[n,d]); i, f, o = sigmoid of x[n,d], x[n,D+d], x[n,2D+d],
    g = tanh(x[n,3D+d]), and f is multiplied by cont[n].

    Bottoms: c, 1 x N x D; x, 1 x N x 4 D; cont, 1 x N: 0 where a sequence begins, else 1.
    Tops: c', 1 x N x D; h, 1 x N x D.
    Params: none.
    Fields: none.
    Backward: to c and x, from both tops; for cont other than 0 and 1 the derivative of f is taken as f (1 - f), as
        in Caffe.
    Errors: bottoms of other shapes.
    Source: Hochreiter and Schmidhuber, Long Short-Term Memory, 1997; the step of Caffe's LSTM layer.
    """

    arity = Arity(bottoms=(3, 3), tops=(2, 2))
    no_gradient_to: ClassVar[frozenset[int]] = frozenset({2})

    def layout(self, bottom_shapes: Sequence[Shape]) -> Layout:
        """Return both tops; room for the gates, the cells before and after, and gradients that nobody wants."""
        shape = bottom_shapes[0]
        if len(shape) != 3 or list(bottom_shapes) != [(1, *shape[1:]), (1, shape[1], 4 * shape[2]), (1, shape[1])]:
            raise ShapeError(
                "the bottoms do not fit each other",
                expected="1 x N x D, 1 x N x 4 D and 1 x N",
                got=", ".join(shape_text(other) for other in bottom_shapes),
            )
        gates = bottom_shapes[1]
        buffers = {
            "gates": (gates, None),
            "cells": ((2, *shape), None),
            "dgates": (gates, None),
            "dcells": (shape, None),
        }
        return Layout([shape, shape], buffers=buffers)

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Write c' and h."""
        gates, cells = self.buffers["gates"], self.buffers["cells"]
        np.copyto(gates, bottom[1].data)
        np.copyto(cells[0], bottom[0].data)
        flow = bottom[2].flat_data
        lstm.step_forward(gates.reshape(-1), cells.reshape(-1), flow, top[1].flat_data)
        np.copyto(top[0].data, cells[1])

    def backward(self, top: Sequence[Blob], wanted: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """Write the diffs of c and x."""
        gates, cells = self.buffers["gates"].reshape(-1), self.buffers["cells"].reshape(-1)
        dcells = bottom[0].diff if wanted[0] else self.buffers["dcells"]
        dgates = bottom[1].diff if wanted[1] else self.buffers["dgates"]
        np.copyto(dcells, top[0].diff)
        dhidden = top[1].flat_diff
        lstm.step_backward(gates, cells, dhidden, dgates.reshape(-1), dcells.reshape(-1), bottom[0].shape[1])
