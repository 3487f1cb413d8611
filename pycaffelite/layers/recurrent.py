"""The family of recurrent layers: what is done for all time steps at once, and what goes from step to step."""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from pycaffelite.blob import Array, Blob, Shape
from pycaffelite.errors import ShapeError, WiringError
from pycaffelite.kernels.gemm import add_column_sums, gemm
from pycaffelite.kernels.permute import permute
from pycaffelite.layers.base import Arity, Context, Layer, Layout, ParamLayout, shape_text
from pycaffelite.layers.windows import positive_output


@dataclass(frozen=True)
class Extent:
    """How many time steps, sequences and inputs at a time there are, and inputs that stay for a whole sequence."""

    times: int
    sequences: int
    depth: int
    static: int = 0


class Recurrent(Layer):
    """Base of layers whose hidden values at one time are made from the input then and the hidden values before.

    sums[t,n,g] = b[g] + Σ_i W_x[g,i] x[t,n,i] + Σ_s W_s[g,s] z[n,s] + Σ_d W_h[g,d] cont[t,n] h[t-1,n,d]

    The products with the inputs of all steps are one product, and so are the gradients of each weight. A subclass
    makes h[t] from sums[t] in `step`, and the gradient of sums[t] from that of h[t] in `step_back`.

    Attributes:
        sums: How many sums a hidden value is made of.
        states: What goes from step to step, in the order of bottoms and tops that expose it; "hidden" is the first.
        order: The names of the parameters of the sums: input, bias, static, hidden.
    """

    arity: ClassVar[Arity] = Arity(bottoms=(2, None), tops=(1, None))
    no_gradient_to: ClassVar[frozenset[int]] = frozenset({1})
    sums: ClassVar[int]
    states: ClassVar[tuple[str, ...]]

    def __init__(self, message: Any, context: Context, fields: Any, name: str) -> None:
        super().__init__(message, context)
        self.fields = fields
        self.outputs = positive_output(fields, name)
        self.exposed = False
        self.order = ["input", "bias", "hidden"]

    def expose(self) -> None:
        """Read what RecurrentParameter says of bottoms and tops."""
        self.exposed = self.fields.expose_hidden
        bottoms, tops = len(self.message.bottom), len(self.message.top)
        more = len(self.states) if self.exposed else 0
        if bottoms not in (2 + more, 3 + more) or tops != 1 + more:
            raise WiringError(
                "the number of bottoms or tops does not fit expose_hidden",
                expected=f"{2 + more} bottoms, {3 + more} with a static input, and {1 + more} top{'s' * (more > 0)}",
                got=f"{bottoms} bottom{'s' * (bottoms > 1)} and {tops} top{'s' * (tops > 1)}",
            )
        if bottoms == 3 + more:
            self.order = ["input", "bias", "static", "hidden"]

    def layout(self, bottom_shapes: Sequence[Shape]) -> Layout:
        """Return the tops, the parameters, and room for what backward needs of each step."""
        extent = self.extent(bottom_shapes)
        times, sequences, width = extent.times, extent.sequences, self.sums * self.outputs
        weights, bias = self.fields.weight_filler, self.fields.bias_filler
        params = {
            "input": ParamLayout((width, extent.depth), weights),
            "bias": ParamLayout((width,), bias),
            "static": ParamLayout((width, extent.static), weights),
            "hidden": ParamLayout((width, self.outputs), weights),
        }
        step, hidden = (sequences, width), (sequences, self.outputs)
        buffers = {"sums": (times, *step), "dsums": (times, *step), "held": (times, *hidden), "dhidden": hidden}
        buffers |= {"carried": hidden, "turned": (self.outputs, width) if times > 1 else (0, 0)}
        buffers |= {"products": step}
        buffers |= {f"last_{name}": hidden for name in self.states}
        more, own = self.extras(extent)
        tops = [self.top_shape(bottom_shapes, extent)]
        tops += [(1, *hidden)] * (len(self.states) if self.exposed else 0)
        named = {name: (shape, None) for name, shape in {**buffers, **own}.items()}
        return Layout(tops, [params[name] for name in self.order] + more, named)

    def macs(self, bottom_shapes: Sequence[Shape], layout: Layout) -> int:
        """Count: every matrix is multiplied at each step, but that of the static input only once."""
        extent = self.extent(bottom_shapes)
        steps = extent.times * extent.sequences
        matrices = sum(math.prod(param.shape) for param in layout.params if len(param.shape) == 2)
        return steps * matrices - (steps - extent.sequences) * self.sums * self.outputs * extent.static

    def extent(self, bottom_shapes: Sequence[Shape]) -> Extent:
        """Return the lengths; raise ShapeError where bottoms do not fit each other."""
        x, cont = bottom_shapes[:2]
        if len(x) < 2 or cont != x[:2]:
            raise ShapeError(
                "the sequence markers do not fit the input",
                expected="bottoms T x N x ... and T x N",
                got=f"shapes {shape_text(x)} and {shape_text(cont)}",
            )
        static = "static" in self.order
        if static and bottom_shapes[2][:1] != x[1:2]:
            raise ShapeError(
                "the static input does not fit the sequences",
                expected=f"a bottom of {x[1]} records, one for each sequence",
                got=f"shape {shape_text(bottom_shapes[2])}",
            )
        for shape in bottom_shapes[2 + static :]:
            if shape != (1, x[1], self.outputs):
                raise ShapeError(
                    "an initial state does not fit the sequences",
                    expected=f"shape {shape_text((1, x[1], self.outputs))}",
                    got=f"shape {shape_text(shape)}",
                )
        return Extent(x[0], x[1], math.prod(x[2:]), math.prod(bottom_shapes[2][1:]) if static else 0)

    def top_shape(self, bottom_shapes: Sequence[Shape], extent: Extent) -> Shape:
        """Return the shape of the first top."""
        return (extent.times, extent.sequences, self.outputs)

    def extras(self, extent: Extent) -> tuple[list[ParamLayout], dict[str, Shape]]:
        """Return the parameters that a subclass has besides, and the shapes of its buffers."""
        raise NotImplementedError

    def prepare(self, bottom_shapes: Sequence[Shape]) -> None:
        """Keep the lengths."""
        self.lengths = self.extent(bottom_shapes)

    def flow(self, bottom: Sequence[Blob]) -> Array:
        """Return cont, T x N."""
        return bottom[1].data

    def start(self, bottom: Sequence[Blob]) -> dict[str, Array]:
        """Return the states before the first step, each N x D."""
        if not self.exposed:
            return {name: self.buffers[f"last_{name}"] for name in self.states}
        first = len(bottom) - len(self.states)
        shape = (self.lengths.sequences, self.outputs)
        return {name: bottom[first + i].data.reshape(shape) for i, name in enumerate(self.states)}

    def step(self, t: int, flow: Array, hidden: Array) -> None:
        """Make h[t] from sums[t]; `flow` is cont[t], and `hidden` takes h[t], N x D."""
        raise NotImplementedError

    def step_back(self, t: int, dhidden: Array) -> None:
        """Make the gradient of sums[t] from that of h[t], N x D."""
        raise NotImplementedError

    def run_forward(self, bottom: Sequence[Blob], top: Sequence[Blob], hidden: Array) -> None:
        """Do all steps, and keep or show the states after the last; `hidden` takes h, T x N x D."""
        sums, held, turned = self.buffers["sums"], self.buffers["held"], self.buffers["turned"]
        products, weights = self.buffers["products"], self._param("hidden").data
        self._add_inputs(bottom, sums)
        alone = self._streams_rows()
        if not alone:
            permute(weights, (1, 0), turned)
        flow, states = self.flow(bottom), self.start(bottom)
        self.begin_steps(states)
        before = states["hidden"]
        for t in range(self.lengths.times):
            np.multiply(before, flow[t][:, None], out=held[t])
            if alone:
                gemm(held[t], weights, products, transpose_b=True)
                np.add(sums[t], products, out=sums[t])
            else:
                gemm(held[t], turned, sums[t], accumulate=True)
            self.step(t, flow[t], hidden[t])
            before = hidden[t]
        last = {"hidden": before, **self.after_steps()}
        for i, name in enumerate(self.states):
            if self.exposed:
                np.copyto(top[1 + i].data[0], last[name])
            else:
                np.copyto(self.buffers[f"last_{name}"], last[name])

    def begin_steps(self, states: dict[str, Array]) -> None:
        """Take up the states other than the hidden values."""

    def after_steps(self) -> dict[str, Array]:
        """Return the states other than the hidden values."""
        return {}

    def _streams_rows(self) -> bool:
        """Return whether the few hidden values of a step are multiplied with rows of weights as they stand."""
        return self.lengths.times == 1 or 32 * self.lengths.sequences <= self.outputs

    def _add_inputs(self, bottom: Sequence[Blob], sums: Array) -> None:
        """Write what of the sums does not depend on the steps before."""
        weights, bias = self._param("input").data, self._param("bias").data
        x = bottom[0].data.reshape(-1, self.lengths.depth)
        gemm(x, weights, sums.reshape(len(x), -1), transpose_b=True, bias=bias)
        if "static" in self.order:
            products = self.buffers["products"]
            gemm(bottom[2].data.reshape(len(products), -1), self._param("static").data, products, transpose_b=True)
            np.add(sums, products, out=sums)

    def run_backward(self, dtop: Array, wanted: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """Do all steps back, from the gradient of h that comes from above, T x N x D; then write and add gradients."""
        dsums, dhidden, carried = self.buffers["dsums"], self.buffers["dhidden"], self.buffers["carried"]
        weights, flow = self._param("hidden").data, self.flow(bottom)
        carried.fill(0)
        alone, turned = self._streams_rows() and self.lengths.times > 1, self.buffers["turned"]
        if alone:
            permute(weights, (1, 0), turned)
        for t in range(self.lengths.times - 1, -1, -1):
            np.add(dtop[t], carried, out=dhidden)
            self.step_back(t, dhidden)
            if t > 0:
                if alone:
                    gemm(dsums[t], turned, carried, transpose_b=True)
                else:
                    gemm(dsums[t], weights, carried)
                np.multiply(carried, flow[t][:, None], out=carried)
        rows = dsums.reshape(-1, dsums.shape[2])
        if wanted[0]:
            gemm(rows, self._param("input").data, bottom[0].diff.reshape(-1, self.lengths.depth))
        self._add_gradients(rows, bottom)
        if "static" in self.order:
            self._static_back(wanted[2], bottom[2])
        for i in range(2 + ("static" in self.order), len(bottom)):
            if wanted[i]:
                bottom[i].diff.fill(0)

    def _add_gradients(self, rows: Array, bottom: Sequence[Blob]) -> None:
        """Add to the gradients of weights and bias."""
        x, held = bottom[0].data.reshape(-1, self.lengths.depth), self.buffers["held"].reshape(-1, self.outputs)
        for name, factors in (("input", x), ("hidden", held)):
            if self._wants(name):
                gemm(rows, factors, self._param(name).diff, transpose_a=True, accumulate=True)
        if self._wants("bias"):
            add_column_sums(rows.reshape(-1), len(rows), rows.shape[1], self._param("bias").diff)

    def _static_back(self, wanted: bool, static: Blob) -> None:
        """Write the gradient of the static input, and add to that of its weights."""
        total = self.buffers["products"]
        np.sum(self.buffers["dsums"], axis=0, out=total)
        if self._wants("static"):
            z = static.data.reshape(len(total), -1)
            gemm(total, z, self._param("static").diff, transpose_a=True, accumulate=True)
        if wanted:
            gemm(total, self._param("static").data, static.diff.reshape(len(total), -1))

    def _param(self, name: str) -> Blob:
        return self.params[self.order.index(name)]

    def _wants(self, name: str) -> bool:
        return self.wanted_params[self.order.index(name)]

    def state(self) -> dict[str, Any]:
        """Return the states after the last pass, which the next one starts from."""
        return {} if self.exposed else {name: _packed(self.buffers[f"last_{name}"]) for name in self.states}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Start from those states, if the sequences are as many."""
        for name, packed in state.items():
            kept = self.buffers[f"last_{name}"]
            values = np.frombuffer(base64.b64decode(packed["bytes"]), packed["dtype"])
            if values.size == kept.size:
                kept[...] = values.reshape(kept.shape)


def _packed(array: Array) -> dict[str, str]:
    """Return an array as JSON values."""
    array = array.astype(array.dtype.newbyteorder("<"))
    return {"dtype": array.dtype.str, "bytes": base64.b64encode(array.tobytes()).decode("ascii")}
