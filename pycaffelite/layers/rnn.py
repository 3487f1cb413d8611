"""RNN: a layer whose hidden values are fed back to it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from pycaffelite.blob import Array, Blob, Shape
from pycaffelite.kernels.gemm import add_column_sums, gemm
from pycaffelite.layers.base import Context, ParamLayout
from pycaffelite.layers.recurrent import Extent, Recurrent
from pycaffelite.layers.registry import register


@register("RNN")
class RNN(Recurrent):
    """Read sequences with hidden values that are made from the input and from those one step before.

    h[t,n,d] = tanh(b[d] + Σ_i W_x[d,i] x[t,n,i] + Σ_s W_s[d,s] z[n,s] + Σ_k W_h[d,k] cont[t,n] h[t-1,n,k])
    o[t,n,d] = tanh(b_o[d] + Σ_k W_o[d,k] h[t,n,k])

    Bottoms: x, T x N x any axes (T steps of N sequences); cont, T x N: 0 where a sequence begins, else 1; optionally z,
        N x any axes, an input to every step; with expose_hidden h[-1], 1 x N x D.
    Tops: o, T x N x D; with expose_hidden h[T-1], 1 x N x D.
    Params: W_x, D x I; b, D; W_s, D x S, if there is z; W_h, D x D; W_o, D x D; b_o, D.
    Fields: `recurrent_param`: num_output (D); weight_filler, bias_filler; expose_hidden (false); debug_info (ignored).
        Without expose_hidden a pass goes on from where the last one ended.
    Backward: through all T steps, no further: to x, z and the parameters. Nothing goes to the initial state, and
        nothing comes from the second top.
    Errors: no num_output; bottoms or tops that do not fit expose_hidden, or each other.
    Source: Elman, Finding Structure in Time, 1990. Caffe makes a net of it, whose blobs do not exist here.
    """

    sums: ClassVar[int] = 1
    states: ClassVar[tuple[str, ...]] = ("hidden",)

    def __init__(self, message: Any, context: Context) -> None:
        super().__init__(message, context, message.recurrent_param, "recurrent_param")
        self.expose()

    def extras(self, extent: Extent) -> tuple[list[ParamLayout], dict[str, Shape]]:
        """Return weights and bias of the outputs, and room for hidden values, outputs, and their gradients."""
        steps, fields = (extent.times, extent.sequences, self.outputs), self.fields
        params = [ParamLayout((self.outputs, self.outputs), fields.weight_filler)]
        params.append(ParamLayout((self.outputs,), fields.bias_filler))
        return params, dict.fromkeys(("hidden", "outputs", "doutputs", "dsteps"), steps)

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Write o, and the last hidden values where they are a top."""
        hidden, outputs = self.buffers["hidden"], self.buffers["outputs"]
        self.run_forward(bottom, top, hidden)
        weights, bias = (blob.data for blob in self.params[-2:])
        gemm(_rows(hidden), weights, _rows(outputs), transpose_b=True, bias=bias)
        np.tanh(outputs, out=outputs)
        np.copyto(top[0].data, outputs)

    def step(self, t: int, flow: Array, hidden: Array) -> None:
        """Write the hidden values of one step."""
        np.tanh(self.buffers["sums"][t], out=hidden)

    def backward(self, top: Sequence[Blob], wanted: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """Write the diffs of the inputs; add to those of the parameters."""
        doutputs, dsteps = self.buffers["doutputs"], self.buffers["dsteps"]
        _through_tanh(self.buffers["outputs"], top[0].diff, doutputs)
        gemm(_rows(doutputs), self.params[-2].data, _rows(dsteps))
        if self.wanted_params[-2]:
            hidden = _rows(self.buffers["hidden"])
            gemm(_rows(doutputs), hidden, self.params[-2].diff, transpose_a=True, accumulate=True)
        if self.wanted_params[-1]:
            rows = _rows(doutputs)
            add_column_sums(rows.reshape(-1), len(rows), rows.shape[1], self.params[-1].diff)
        self.run_backward(dsteps, wanted, bottom)

    def step_back(self, t: int, dhidden: Array) -> None:
        """Write the gradient of the sums of one step."""
        _through_tanh(self.buffers["hidden"][t], dhidden, self.buffers["dsums"][t])


def _rows(steps: Array) -> Array:
    """Return T x N x D as a matrix of T N rows."""
    return steps.reshape(-1, steps.shape[2])


def _through_tanh(y: Array, dy: Array, dx: Array) -> None:
    """Write dx = dy (1 - y^2)."""
    np.multiply(y, y, out=dx)
    np.subtract(1, dx, out=dx)
    np.multiply(dx, dy, out=dx)
