"""LSTM: a layer of cells with a memory."""

from __future__ import annotations

from typing import Any

from pycaffelite.layers.base import Context
from pycaffelite.layers.lstm_cells import LstmCells
from pycaffelite.layers.registry import register


@register("LSTM")
class LSTM(LstmCells):
    """Read sequences with cells that keep, forget and show what gates tell them to.

    s[t,n,g] = b[g] + Σ_i W_x[g,i] x[t,n,i] + Σ_s W_s[g,s] z[n,s] + Σ_d W_h[g,d] cont[t,n] h[t-1,n,d], g = 0 ... 4D - 1
    i, f, o = sigmoid of s[t,n,d], s[t,n,D+d], s[t,n,2D+d]; v = tanh(s[t,n,3D+d])
    c[t,n,d] = cont[t,n] f c[t-1,n,d] + i v; h[t,n,d] = o tanh(c[t,n,d])

    Bottoms: x, T x N x any axes (T steps of N sequences); cont, T x N: 0 where a sequence begins, else 1; optionally z,
        N x any axes, an input to every step; with expose_hidden h[-1] and c[-1], 1 x N x D each.
    Tops: h, T x N x D; with expose_hidden h[T-1] and c[T-1], 1 x N x D each.
    Params: W_x, 4 D x I; b, 4 D; W_s, 4 D x S, if there is z; W_h, 4 D x D.
    Fields: `recurrent_param`: num_output (D); weight_filler, bias_filler; expose_hidden (false); debug_info (ignored).
        Without expose_hidden a pass goes on from where the last one ended.
    Backward: through all T steps, no further: to x, z and the parameters. Nothing goes to the initial states, and
        nothing comes from the last two tops.
    Errors: no num_output; bottoms or tops that do not fit expose_hidden, or each other.
    Source: Hochreiter and Schmidhuber, Long Short-Term Memory, 1997; Donahue et al., Long-term Recurrent Convolutional
        Networks, 2015. Caffe makes a net of it, whose blobs do not exist here.
    """

    def __init__(self, message: Any, context: Context) -> None:
        super().__init__(message, context, message.recurrent_param, "recurrent_param")
        self.expose()
