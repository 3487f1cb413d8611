"""The family of layers of LSTM cells."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from pycaffelite.blob import Array, Blob, Shape
from pycaffelite.kernels import lstm
from pycaffelite.layers.base import ParamLayout
from pycaffelite.layers.recurrent import Extent, Recurrent


class LstmCells(Recurrent):
    """Base of layers of LSTM cells; the sums are those of input gate, forget gate, output gate and new value.

    i, f, o = sigmoid of sums[t,n,d], sums[t,n,D+d], sums[t,n,2D+d]; g = tanh(sums[t,n,3D+d])
    c[t,n,d] = cont[t,n] f c[t-1,n,d] + i g;  h[t,n,d] = o tanh(c[t,n,d])

    Attributes:
        bound: Gradients of sums are cut to this magnitude; 0 for no bound.
    """

    sums: ClassVar[int] = 4
    states: ClassVar[tuple[str, ...]] = ("hidden", "cells")
    bound = 0.0

    def extras(self, extent: Extent) -> tuple[list[ParamLayout], dict[str, Shape]]:
        """Return the cells before and after each step, and their gradient."""
        hidden = (extent.sequences, self.outputs)
        return [], {"cells": (extent.times + 1, *hidden), "dcells": hidden}

    def begin_steps(self, states: dict[str, Array]) -> None:
        """Take up the cells."""
        np.copyto(self.buffers["cells"][0], states["cells"])

    def after_steps(self) -> dict[str, Array]:
        """Return the cells."""
        return {"cells": self.buffers["cells"][-1]}

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Write h, and the last states where they are tops."""
        self.run_forward(bottom, top, top[0].data.reshape(self._steps()))

    def step(self, t: int, flow: Array, hidden: Array) -> None:
        """Turn the sums into gates, and write cells and hidden values."""
        gates, cells = self.buffers["sums"][t].reshape(-1), self.buffers["cells"][t : t + 2].reshape(-1)
        lstm.step_forward(gates, cells, flow, hidden.reshape(-1))

    def backward(self, top: Sequence[Blob], wanted: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """Write the diffs of the inputs; add to those of the parameters."""
        self.buffers["dcells"].fill(0)
        self.run_backward(top[0].diff.reshape(self._steps()), wanted, bottom)

    def step_back(self, t: int, dhidden: Array) -> None:
        """Write the gradient of the sums, and that of the cells before."""
        gates, cells = self.buffers["sums"][t].reshape(-1), self.buffers["cells"][t : t + 2].reshape(-1)
        dsums, dcells = self.buffers["dsums"][t].reshape(-1), self.buffers["dcells"].reshape(-1)
        lstm.step_backward(gates, cells, dhidden.reshape(-1), dsums, dcells, self.lengths.sequences)
        if self.bound > 0:
            np.clip(dsums, -self.bound, self.bound, out=dsums)

    def _steps(self) -> Shape:
        return (self.lengths.times, self.lengths.sequences, self.outputs)
