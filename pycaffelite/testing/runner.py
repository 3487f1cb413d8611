"""Run one layer without a net: for tests, and to look at what a layer does."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from google.protobuf import text_format

from pycaffelite.blob import Array, Blob, Shape, aligned_zeros
from pycaffelite.errors import WiringError
from pycaffelite.layers.base import Context, DataOptions, Layer, Phase
from pycaffelite.layers.registry import layer_class
from pycaffelite.schema import messages

_GUARD = 64  # bytes before and behind every array that nothing may write to: jitted code does not check its indices
_GUARD_VALUE = 0xA5


def layer_text(type_name: str, fields: str = "", *, bottoms: int = 1, tops: int = 1, in_place: bool = False) -> str:
    """Return the text of a layer of this type with numbered bottoms `b0`, `b1` and tops `t0`, `t1`.

    Args:
        type_name: As in `type: "Pooling"`.
        fields: What else stands in the layer: `pooling_param { kernel_size: 2 }`.
        bottoms: How many bottoms it has.
        tops: How many tops it has.
        in_place: Whether the first top is the first bottom.
    """
    lines = ['name: "layer"', f'type: "{type_name}"', *(f'bottom: "b{i}"' for i in range(bottoms))]
    lines += [f'top: "{"b" if in_place and i == 0 else "t"}{i}"' for i in range(tops)]
    return "layer {{\n  {}\n  {}\n}}\n".format("\n  ".join(lines), fields.strip())


class LayerRunner:
    """One layer with blobs of its own.

        runner = LayerRunner('layer { name: "a" type: "ReLU" bottom: "b" top: "t" }', [(2, 3)])
        runner.forward()
        runner.backward()
        runner.bottom[0].diff

    A bottom is an array, or a shape that random numbers fill (standard normal, representable in float32, so that a
    float32 run starts from the same numbers). Parameters are random too where they learn (lr_mult is not 0) and zero
    where they do not; fillers are not run. A layer whose first top has the name of its first bottom runs in place.

    Args:
        text: The text of one `layer { }`; see `layer_text`.
        bottoms: The arrays or shapes of the bottoms.
        phase: "TRAIN" or "TEST".
        dtype: Of all blobs; float64 for gradient checks.
        seed: Of the layer and of the random numbers that fill its blobs.
        params: Arrays for the parameters; None keeps what is described above.
        wanted: Which bottoms get a gradient; all but `Layer.no_gradient_to` by default.
        top_diffs: What `backward` starts from: an array, or a number for all elements, or None, for each top. None
            means the loss weight for a top that has one, and random numbers for the others.
        data: The options of data layers.

    Attributes:
        layer: The layer; its parameters are `layer.params`.
        bottom: The blobs it reads.
        top: The blobs it writes; the first is `bottom[0]` itself when the layer runs in place.
        inputs: Copies of the data of the bottoms, as they were before the layer ran.
        top_diffs: Arrays that `backward` starts from.
        wanted: Which bottoms get a gradient.
    """

    def __init__(
        self,
        text: str,
        bottoms: Sequence[Array | Shape] = (),
        phase: Phase = "TRAIN",
        dtype: npt.DTypeLike = np.float64,
        seed: int = 1,
        *,
        params: Sequence[Array | None] | None = None,
        wanted: Sequence[bool] | None = None,
        top_diffs: Sequence[Array | float | None] | None = None,
        data: DataOptions | None = None,
    ) -> None:
        message = text_format.Parse(text, messages.NetParameter()).layer[0]
        self.dtype = np.dtype(dtype)
        self.layer: Layer = layer_class(message.type)(message, Context(phase, seed, data or DataOptions()))
        self._guarded: list[Array] = []
        random = np.random.default_rng(seed)
        self.inputs = [_filled(bottom, random).astype(self.dtype) for bottom in bottoms]
        self.bottom = [self._blob(array.shape) for array in self.inputs]
        self.wanted = [i not in self.layer.no_gradient_to for i in range(len(bottoms))]
        self.wanted = list(wanted) if wanted is not None else self.wanted
        self.in_place = bool(message.bottom) and list(message.top[:1]) == list(message.bottom[:1])
        self._check_arity()
        self._allocate(random, params or ())
        self.top_diffs = [
            _filled(blob.shape if diff is None else np.full(blob.shape, diff), random).astype(self.dtype)
            for blob, diff in zip(self.top, self._start_diffs(top_diffs), strict=True)
        ]

    def forward(self, *inputs: Array) -> list[Array]:
        """Run the layer on new `inputs`, or on the last ones again, and return copies of the data of its tops."""
        if inputs:
            self.inputs = [np.array(array, self.dtype) for array in inputs]
        self._fill_bottoms()
        self._measure()
        self.layer.forward(self.bottom, self.top)
        return [blob.data.copy() for blob in self.top]

    def backward(self, top_diffs: Sequence[Array] | None = None) -> list[Array]:
        """Run the layer backward from `top_diffs`; return copies of the bottoms' diffs."""
        for blob, diff in zip(self.top, self.top_diffs if top_diffs is None else top_diffs, strict=True):
            blob.diff[...] = diff
        self.layer.backward(self.top, self.wanted, self.bottom)
        return [blob.diff.copy() for blob in self.bottom]

    def clear_params(self) -> None:
        """Set the diffs of the parameters to zero."""
        for blob in self.layer.params:
            blob.diff[...] = 0

    def loss_weights(self) -> list[float]:
        """Return the weight of each top in the loss; 0 for a top that is no loss."""
        weights = list(self.layer.message.loss_weight) or [self.layer.default_loss_weight]
        return (weights + [0.0] * len(self.top))[: len(self.top)]

    def save(self) -> tuple[Any, ...]:
        """Return everything a pass changes but tops and diffs: parameters, buffers and the layer's own state."""
        return (
            [blob.data.copy() for blob in self.layer.params],
            {name: array.copy() for name, array in self.layer.buffers.items()},
            copy.deepcopy(self.layer.state()),
        )

    def load(self, saved: tuple[Any, ...]) -> None:
        """Take up again what `save` returned."""
        params, buffers, state = saved
        for blob, array in zip(self.layer.params, params, strict=True):
            blob.data[...] = array
        for name, array in buffers.items():
            self.layer.buffers[name][...] = array
        self.layer.restore(copy.deepcopy(state))

    def overruns(self) -> int:
        """Return how many bytes just outside the layer's arrays have been written to."""
        return sum(
            int(np.count_nonzero(raw[edge] != _GUARD_VALUE))
            for raw in self._guarded
            for edge in (slice(None, _GUARD), slice(raw.size - _GUARD, None))
        )

    def _array(self, shape: Shape, dtype: npt.DTypeLike) -> Array:
        """Return an aligned array of zeros between two guards."""
        dtype = np.dtype(dtype)
        size = math.prod(shape) * dtype.itemsize
        raw = aligned_zeros((_GUARD + size + _GUARD,), np.uint8)
        raw[:_GUARD] = raw[_GUARD + size :] = _GUARD_VALUE
        self._guarded.append(raw)
        return raw[_GUARD : _GUARD + size].view(dtype).reshape(shape)

    def _blob(self, shape: Shape) -> Blob:
        return Blob(shape, self.dtype, data=self._array(shape, self.dtype), diff=self._array(shape, self.dtype))

    def _allocate(self, random: np.random.Generator, params: Sequence[Array | None]) -> None:
        """Make what the layout asks for, as a net would."""
        shapes = [blob.shape for blob in self.bottom]
        layout = self.layer.layout(shapes)
        self.top = [self._blob(tuple(shape)) for shape in layout.tops]
        if self.in_place:
            self.top[0] = self.bottom[0]
        if self.layer.type == "Split":
            for blob in self.top:
                blob.data = self.bottom[0].data
        given = [*params, *[None] * (len(layout.params) - len(params))]
        for declared, array in zip(layout.params, given, strict=True):
            blob = self._blob(tuple(declared.shape))
            if array is not None:
                blob.data[...] = np.reshape(array, blob.shape)
            elif declared.lr_mult != 0:
                blob.data[...] = _filled(blob.shape, random)
            self.layer.params.append(blob)
        self.layer.wanted_params = [declared.lr_mult != 0 for declared in layout.params]
        for name, (shape, dtype) in layout.buffers.items():
            self.layer.buffers[name] = self._array(tuple(shape), self.dtype if dtype is None else dtype)
        self.layer.prepare(shapes)
        self._fill_bottoms()
        self._measure()

    def _measure(self) -> None:
        """Give the tops the shapes that the data asks for, in a layer where it does."""
        if self.layer.measures:
            shapes = map(tuple, self.layer.measure(self.bottom))
            self.top = [
                blob if blob.shape == shape else self._blob(shape) for blob, shape in zip(self.top, shapes, strict=True)
            ]

    def _fill_bottoms(self) -> None:
        for blob, array in zip(self.bottom, self.inputs, strict=True):
            blob.data[...] = array

    def _start_diffs(self, top_diffs: Sequence[Array | float | None] | None) -> list[Array | float | None]:
        """Return for each top what was asked for, else its loss weight if it has one."""
        if top_diffs is not None:
            return list(top_diffs)
        return [weight or None for weight in self.loss_weights()]

    def _check_arity(self) -> None:
        """Refuse what a net refuses before the layer's own code sees it."""
        arity, message = self.layer.arity, self.layer.message
        for kind, count, (least, most) in (
            ("bottoms", len(self.bottom), arity.bottoms),
            ("tops", len(message.top), arity.tops),
        ):
            enough = count >= least or (kind == "tops" and self.layer.automatic_tops)
            if not enough or (most is not None and count > most):
                raise WiringError(f"wrong number of {kind}", expected=_span(least, most), got=str(count))
        if arity.pairs and len(self.bottom) != len(message.top):
            raise WiringError("as many tops as bottoms are needed", got=f"{len(self.bottom)} and {len(message.top)}")
        if self.in_place and not arity.in_place:
            raise WiringError("this layer cannot run in place", hint="give its top a name of its own")
        for i in self.layer.no_gradient_to:
            if i < len(self.wanted) and self.wanted[i]:
                raise WiringError(f"bottom {i} cannot get a gradient")


def _filled(bottom: Array | Shape, random: np.random.Generator) -> Array:
    """Return the array, or float32-representable random numbers of the shape."""
    if isinstance(bottom, tuple):
        return random.standard_normal(bottom).astype(np.float32)
    return np.asarray(bottom)


def _span(least: int, most: int | None) -> str:
    """Write a range as users read it."""
    if most is None:
        return f"at least {least}"
    return str(least) if least == most else f"{least} to {most}"
