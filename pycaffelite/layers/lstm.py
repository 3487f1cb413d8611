"""LSTM and Lstm: layers of cells with a memory, Caffe's own and one that there was before it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pycaffelite.blob import Array, Blob, Shape
from pycaffelite.errors import FieldError, ShapeError
from pycaffelite.layers.base import Arity, Context, ParamLayout, shape_text
from pycaffelite.layers.lstm_cells import LstmCells
from pycaffelite.layers.recurrent import Extent
from pycaffelite.layers.registry import register


@register("LSTM")
class LSTM(LstmCells):
    """Read sequences with cells that keep, forget and show what gates tell them to.

    s[t,n,g] = b[g] + Σ_i W_x[g,i] x[t,n,i] + Σ_s W_s[g,s] z[n,s] + Σ_d W_h[g,d] cont[t,n] h[t-1,n,d], g = 0 ... 4D - 1
    i, f, o = sigmoid of s[t,n,d], s[t,n,D+d], s[t,n,2D+d]; v = tanh(s[t,n,3D+d])
    c[t,n,d] = cont[t,n] f c[t-1,n,d] + i v; h[t,n,d] = o tanh(c[t,n,d])

    Bottoms: x, T x N x any axes or none (T steps of N sequences); cont, T x N: 0 where a sequence begins, else 1;
        optionally z, N x any axes, an input to every step; with expose_hidden h[-1] and c[-1], 1 x N x D each.
    Tops: h, T x N x D; with expose_hidden h[T-1] and c[T-1], 1 x N x D each.
    Params: W_x, 4 D x I; b, 4 D; W_s, 4 D x S, if there is z; W_h, 4 D x D.
    Fields: `recurrent_param`: num_output (D); weight_filler, bias_filler; expose_hidden (false); debug_info (ignored).
        Without expose_hidden a pass goes on from where the last one ended.
    Backward: through all T steps, no further: to x, z and the parameters. Nothing goes to the initial states, and
        nothing comes from the last two tops.
    Errors: no num_output; bottoms or tops that do not fit expose_hidden, or each other.
    Source: Hochreiter and Schmidhuber, Long Short-Term Memory, 1997; Donahue et al., Long-term Recurrent Convolutional
        Networks, 2015. Caffe makes a net of it, whose blobs do not exist here. It lets x of two axes pass as we do,
        but then the InnerProduct in that net wants a third.
    """

    def __init__(self, message: Any, context: Context) -> None:
        super().__init__(message, context, message.recurrent_param, "recurrent_param")
        self.expose()


@register("Lstm")
class Lstm(LstmCells):
    """Read sequences with LSTM cells, and cut gradients that grow too large.

    s[t,n,g] = b[g] + Σ_i W_x[g,i] x[t,n,i] + Σ_d W_h[g,d] cont[t,n] h[t-1,n,d], g = 0 ... 4D - 1
    i, f, o = sigmoid of s[t,n,d], s[t,n,D+d], s[t,n,2D+d]; v = tanh(s[t,n,3D+d])
    c[t,n,d] = cont[t,n] f c[t-1,n,d] + i v; h[t,n,d] = o tanh(c[t,n,d])

    Bottoms: x, T x N x I of three axes without batch_size, else TN x any axes; optionally cont, T N numbers: 0 where a
        sequence begins; without it all sequences begin with the first step.
    Tops: h, T x N x D or TN x D.
    Params: W_x, 4 D x I; W_h, 4 D x D; b, 4 D.
    Fields: `lstm_param`: num_output (D); clipping_threshold (0): gradients of s are cut to this magnitude, 0 for no
        cut; weight_filler, bias_filler; batch_size (N, 1). With cont a pass goes on from where the last one ended.
    Backward: through all T steps, no further, to x and the parameters. The fork leaves sequences that begin out of
        account in the gradient of W_h; here it is the slope.
    Errors: no num_output; a number of records that batch_size does not divide; cont of another length.
    Source: the caffe-lstm fork, with batch_size; its copy in CTPN reads x of three axes.
    """

    arity = Arity(bottoms=(1, 2))

    def __init__(self, message: Any, context: Context) -> None:
        super().__init__(message, context, message.lstm_param, "lstm_param")
        self.order = ["input", "hidden", "bias"]
        self.bound = self.fields.clipping_threshold
        self.goes_on = len(message.bottom) > 1
        if self.fields.batch_size < 1:
            raise FieldError("batch_size is out of range", expected="at least 1", got=str(self.fields.batch_size))

    def _has_steps(self, shape: Shape) -> bool:
        """Return whether steps and sequences have an axis each."""
        return len(shape) == 3 and not self.fields.HasField("batch_size")

    def extent(self, bottom_shapes: Sequence[Shape]) -> Extent:
        """Return the lengths; raise ShapeError where bottoms do not fit each other."""
        x = bottom_shapes[0]
        records, sequences = math.prod(x[:2] if self._has_steps(x) else x[:1]), int(self.fields.batch_size)
        if not x or records % sequences:
            raise ShapeError(
                "the records do not fit batch_size",
                expected=f"a multiple of {sequences}",
                got=f"bottom of shape {shape_text(x)}",
            )
        if self.goes_on and math.prod(bottom_shapes[1]) != records:
            raise ShapeError(
                "the sequence markers do not fit the input",
                expected=f"{records} numbers, one for each record",
                got=f"shape {shape_text(bottom_shapes[1])}",
            )
        if self._has_steps(x):
            return Extent(x[0], x[1], x[2])
        return Extent(records // sequences, sequences, math.prod(x[1:]))

    def top_shape(self, bottom_shapes: Sequence[Shape], extent: Extent) -> Shape:
        """Return the shape of the top, as many axes as say the steps in the bottom."""
        steps = bottom_shapes[0][:2] if self._has_steps(bottom_shapes[0]) else bottom_shapes[0][:1]
        return (*steps, self.outputs)

    def extras(self, extent: Extent) -> tuple[list[ParamLayout], dict[str, Shape]]:
        """Return the buffers of the cells, and where sequences go on."""
        params, buffers = super().extras(extent)
        return params, {**buffers, "flow": (extent.times, extent.sequences)}

    def prepare(self, bottom_shapes: Sequence[Shape]) -> None:
        """Keep the lengths; say where sequences go on if no bottom does."""
        super().prepare(bottom_shapes)
        if not self.goes_on:
            self.buffers["flow"].fill(1)
            self.buffers["flow"][:1].fill(0)

    def flow(self, bottom: Sequence[Blob]) -> Array:
        """Return 0 where a sequence begins, else 1."""
        flow = self.buffers["flow"]
        if self.goes_on:
            np.not_equal(bottom[1].data.reshape(flow.shape), 0, out=flow, casting="unsafe")
        return flow

    def state(self) -> dict[str, Any]:
        """Return the states after the last pass, if the next one starts from them."""
        return super().state() if self.goes_on else {}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Start from those states."""
        if self.goes_on:
            super().restore(state)
