"""BN: BatchNorm and Scale in one layer, as forks of Caffe had it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from pycaffelite.blob import Array, Blob, Shape
from pycaffelite.errors import FieldError, ShapeError, WiringError
from pycaffelite.kernels import bn, fold, scale
from pycaffelite.layers.base import Arity, Context, Epilogue, Layer, Layout, ParamLayout, shape_text
from pycaffelite.layers.registry import register
from pycaffelite.schema import messages

_OF_SEGNET = ("scale_filler", "shift_filler", "bn_mode")
_OF_CTPN = ("var_eps", "decay", "moving_average")
_OF_PSPNET = ("slope_filler", "bias_filler", "momentum", "eps", "frozen")
_SEGNET_EPS = 1e-9


@register("BN")
class BN(Layer):
    """Bring each channel to mean 0 and variance 1, then multiply it with a learned factor and add a learned shift.

    y[n,c,s] = slope[c] (x[n,c,s] - mean[c]) / sqrt(variance[c] + eps) + bias[c]

    Three forks have a layer of this name. The fields tell which is meant:
    scale_filler, shift_filler or bn_mode: the SegNet manner. Statistics are the batch's in both phases, and nothing is
    remembered. With bn_mode INFERENCE y = slope x + bias: they have been worked into the parameters.
    The same with var_eps, decay or moving_average: the CTPN manner. As before, but statistics are remembered, m = m +
    decay (batch's - m), and count in TEST if moving_average is true.
    Else: the PSPNet manner. The batch's statistics in TRAIN, the remembered ones in TEST or, if frozen, always; m =
    momentum m + (1 - momentum) batch's. With moving_average false nothing is remembered, as in its early form.

    Bottoms: x, N x C x any axes (S = their product).
    Tops: y, the shape of x; may be x itself. Optionally mean and variance of the batch, 1 x C x 1 x 1 each.
    Params: slope and bias, then where statistics are remembered mean and variance; 1 x C x 1 x 1 each, in the PSPNet
        manner 1 x C. The statistics start at 0 (a frozen variance at 1) and are no business of the solver's.
    Fields: `bn_param`: SegNet: scale_filler, shift_filler, bn_mode (LEARN); CTPN also: var_eps (1e-10), decay (0.05),
        moving_average (false); PSPNet: slope_filler, bias_filler, momentum (0.9), eps (1e-5), frozen (false); engine
        (ignored). Without a filler a parameter starts at 0. SegNet's eps is 1e-9.
    Backward: with z = (x - mean) / sqrt(variance + eps): dslope[c] = sum over n, s of dy z; dbias[c] = sum of dy; dx =
        slope (dy - mean of dy - z (mean of dy z)) / sqrt(variance + eps), means over a channel; where the statistics
        are not the batch's, dx = slope dy / sqrt(variance + eps). Frozen, slope and bias get no gradient.
    Errors: fields of two manners; fewer than two axes; nothing to take statistics of; a second top where there are no
        statistics of a batch.
    Source: Ioffe and Szegedy, Batch Normalization, 2015, in the forks of SegNet, CTPN and PSPNet.
    """

    arity = Arity(tops=(1, 3), in_place=True)

    def __init__(self, message: Any, context: Context) -> None:
        super().__init__(message, context)
        fields = self.fields = message.bn_param
        present = [[name for name in group if fields.HasField(name)] for group in (_OF_SEGNET, _OF_CTPN, _OF_PSPNET)]
        segnet, ctpn, pspnet = present
        if pspnet and ctpn == ["moving_average"]:
            ctpn = []  # an early form of that layer
        if pspnet and (segnet or ctpn):
            raise FieldError(
                "fields of two kinds of BN",
                expected=f"{_quoted(_OF_PSPNET)}, or {_quoted(_OF_SEGNET + _OF_CTPN)}",
                got=_quoted(segnet + ctpn + pspnet),
            )
        self.old = bool(segnet or ctpn)  # the SegNet manner, or CTPN's
        forgets = not self.old and fields.HasField("moving_average") and not fields.moving_average
        self.remembers = bool(ctpn or not segnet) and not forgets
        self.frozen = bool(not self.old and fields.frozen)
        self.plain = bool(self.old and fields.bn_mode == messages.BNParameter.INFERENCE)
        testing = context.phase == "TEST"
        recalls = testing and fields.moving_average if self.old else testing or self.frozen
        self.fixed = bool(self.plain or (self.remembers and recalls))
        self.updates = self.remembers and not self.fixed and not testing
        self.eps = float(fields.var_eps if ctpn else _SEGNET_EPS if segnet else fields.eps)
        self.fraction = float(1 - fields.decay if ctpn else fields.momentum)
        self.in_place = list(message.top[:1]) == list(message.bottom[:1])
        if self.fixed and len(message.top) > 1:
            raise WiringError(
                "there are no statistics of a batch for more tops", expected="1 top", got=f"{len(message.top)} tops"
            )

    def layout(self, bottom_shapes: Sequence[Shape]) -> Layout:
        """Return one top like the bottom, tops for statistics, the parameters, and room for what backward needs."""
        shape = bottom_shapes[0]
        if len(shape) < 2 or (not self.fixed and math.prod(shape) == 0):
            raise ShapeError(
                "there is nothing to take statistics of" if len(shape) > 1 else "BN needs channels",
                expected="a bottom of at least two axes" + (" and one element" if len(shape) > 1 else ""),
                got=f"bottom of shape {shape_text(shape)}",
            )
        channels, four = shape[1], (1, shape[1], 1, 1)
        stem = four if self.old else (1, channels)
        names = _OF_SEGNET[:2] if self.old else _OF_PSPNET[:2]
        multiplier = 0.0 if self.frozen else 1.0
        params = [ParamLayout(stem, getattr(self.fields, name), multiplier, multiplier) for name in names]
        if self.remembers:
            ones = messages.FillerParameter(value=1) if self.frozen else None
            params += [ParamLayout(stem, filler, 0, 0) for filler in (None, ones)]
        buffers: dict[str, Any] = {"numbers": ((5, channels), None), "back": ((5, channels), None)}
        if not self.fixed:
            buffers["kept"] = (shape, None)
        elif self.in_place and not self.frozen:
            buffers["x"] = (shape, None)
        return Layout([shape, four, four][: len(self.message.top)], params, buffers)

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Write y and, of a batch's own statistics, what is wanted of them."""
        if "x" in self.buffers:
            np.copyto(self.buffers["x"], bottom[0].data)
        self.forward_alone(bottom, top)

    def forward_alone(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Write y, and keep no copy of x."""
        x, y = _view(bottom[0].data), _view(top[0].data)
        numbers = self.buffers["numbers"]
        slope, bias = self.params[0].flat_data, self.params[1].flat_data
        if self.fixed:
            self._recall(numbers)
            scale.transform_channels(x, numbers[0], slope * numbers[4], bias, y)
            return
        numbers[2], numbers[3] = slope, bias
        bn.forward(x, _view(self.buffers["kept"]), y, numbers, self.eps)
        for blob, row in zip(top[1:], numbers, strict=False):
            blob.data[...] = row.reshape(blob.shape)
        if self.updates:
            for blob, row in zip(self.params[2:], numbers, strict=False):
                blob.data *= self.fraction
                blob.data += (row * (1 - self.fraction)).reshape(blob.shape)

    def _recall(self, numbers: Array) -> None:
        """Take mean, variance and 1 / sqrt(variance + eps) from the parameters; without any, 0, 1 and 1."""
        if self.plain:
            numbers[0], numbers[1], numbers[4] = 0, 1, 1
            return
        numbers[0], numbers[1] = (blob.flat_data for blob in self.params[2:])
        numbers[4] = 1 / np.sqrt(numbers[1].astype(np.float64) + self.eps)

    def backward(self, top: Sequence[Blob], wanted: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """Add to the gradients of slope and bias; write dx last: it may be dy."""
        dy, dx = _view(top[0].diff), _view(bottom[0].diff)
        numbers, back = self.buffers["numbers"], self.buffers["back"]
        back[2] = self.params[0].flat_data * numbers[4]
        if not self.fixed:
            bn.backward(_view(self.buffers["kept"]), dy, dx, back, wanted[0])
            self._add(back[1], back[0])
            return
        if not self.frozen and any(self.wanted_params[:2]):
            x = self.buffers["x"] if self.in_place else bottom[0].data
            back[:2] = 0
            scale.add_sums(dy, back[0])
            scale.add_products(_view(x), dy, back[1])
            self._add((back[1] - numbers[0] * back[0]) * numbers[4], back[0])
        if wanted[0]:
            scale.scale_channels(dy, back[2], dx)

    def _add(self, slope: Array, bias: Array) -> None:
        """Add gradients to the diffs of slope and bias that want them."""
        for blob, wants, row in zip(self.params, self.wanted_params, (slope, bias), strict=False):
            if wants:
                blob.diff += row.reshape(blob.shape)

    def epilogue(self) -> Epilogue | None:
        """Return factor and shift, where they do not depend on the batch; frozen, backward needs nothing but them."""
        return Epilogue(self._fold, axis=1, reversible=self.frozen) if self.fixed else None

    def _fold(self, factors: Array, shifts: Array) -> None:
        if self.frozen:
            self._recall(self.buffers["numbers"])
        slope, bias, *statistics = (blob.flat_data for blob in self.params)
        if not self.plain:
            mean, variance = statistics
            fold.fold_normalization(mean, variance, np.ones(1, factors.dtype), self.eps, factors, shifts)
        fold.fold_scale(slope, bias, factors, shifts)


def _view(array: Array) -> Array:
    """Return an array as (N, C, S)."""
    return array.reshape(array.shape[0], array.shape[1], math.prod(array.shape[2:]))


def _quoted(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
