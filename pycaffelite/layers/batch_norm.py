"""BatchNorm: each channel to mean 0 and variance 1."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from pycaffelite.blob import Array, Blob, Shape
from pycaffelite.errors import FieldError, ShapeError
from pycaffelite.kernels import batch_norm, fold
from pycaffelite.layers.base import Arity, Context, Epilogue, Layer, Layout, ParamLayout, shape_text
from pycaffelite.layers.registry import register


@register("BatchNorm")
class BatchNorm(Layer):
    """Subtract from each channel its mean and divide it by its standard deviation, over the batch or remembered.

    y[n,c,s] = (x[n,c,s] - mean[c]) / sqrt(variance[c] + eps)

    In training the statistics are the batch's own, and sums of them are kept that fade by moving_average_fraction f:
    mean_sum = f mean_sum + mean; variance_sum = f variance_sum + variance m / (m - 1); factor = f factor + 1, with m
    the number of elements of a channel. With use_global_stats the statistics are mean_sum / factor and variance_sum /
    factor (0 while factor is 0) and stay as they are.

    Bottoms: x, N x C x any axes (S = their product); a vector is one channel.
    Tops: y, the shape of x; may be x itself.
    Params: mean_sum, C; variance_sum, C; factor, 1. They start at 0 and are no business of the solver's.
    Fields: `batch_norm_param`: use_global_stats (false in TRAIN, true in TEST); moving_average_fraction (0.999); eps
        (1e-5).
    Backward: dx = (dy - mean of dy - y (mean of dy y)) / sqrt(variance + eps), means over a channel; with
        use_global_stats dx = dy / sqrt(variance + eps).
    Errors: a `param` with an lr_mult other than 0; a bottom without axes or without elements to take statistics of.
    Source: Ioffe and Szegedy, Batch Normalization, 2015. As in Caffe there is no scale and no shift (add a Scale
        layer), m / (m - 1) is in what is kept only, and without `param { lr_mult: 0 }` a net takes the layer for one
        that learns when it decides where gradients are needed.
    """

    arity = Arity(in_place=True)

    def __init__(self, message: Any, context: Context) -> None:
        super().__init__(message, context)
        fields = message.batch_norm_param
        self.fraction: float = fields.moving_average_fraction
        self.eps: float = fields.eps
        self.fixed: bool = fields.use_global_stats if fields.HasField("use_global_stats") else context.phase == "TEST"
        for i, param in enumerate(message.param[:3]):
            if param.lr_mult != 0:
                raise FieldError(
                    "the statistics of BatchNorm cannot be learned",
                    expected="lr_mult 0 for each `param`",
                    got=f"lr_mult {param.lr_mult:.6g} for `param` number {i + 1}",
                    hint="write `param { lr_mult: 0 }` three times, or leave `param` out",
                )

    def layout(self, bottom_shapes: Sequence[Shape]) -> Layout:
        """Return one top like the bottom, three parameters and the statistics in force."""
        shape = bottom_shapes[0]
        if not shape or (not self.fixed and math.prod(shape) == 0):
            raise ShapeError(
                "there is nothing to take statistics of",
                expected="a bottom of at least one axis and one element",
                got=f"bottom of shape {shape_text(shape)}",
            )
        _, channels, _ = _channels(shape)
        sums = [ParamLayout((count,), lr_mult=0) for count in (channels, channels, 1)]
        buffers: dict[str, Any] = {"mean": ((channels,), None), "variance": ((channels,), None)}
        if not self.fixed:
            buffers["y"] = (shape, None)
        return Layout([shape], sums, buffers)

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Write y; in training, keep y, which a layer after this one may overwrite in place, and add to the sums."""
        x = bottom[0].data.reshape(_channels(bottom[0].shape))
        mean, variance = self.buffers["mean"], self.buffers["variance"]
        if self.fixed:
            self._recall(mean, variance)
            batch_norm.normalize(x, mean, variance, self.eps, top[0].data.reshape(x.shape))
            return
        y = self.buffers["y"].reshape(x.shape)
        batch_norm.normalize_batch(x, mean, variance, self.eps, y, top[0].data.reshape(x.shape))
        self._remember(mean, variance, x.shape[0] * x.shape[2])

    def backward(self, top: Sequence[Blob], wanted: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """Write dx."""
        if not wanted[0]:
            return
        shape, variance = _channels(bottom[0].shape), self.buffers["variance"]
        dy, dx = top[0].diff.reshape(shape), bottom[0].diff.reshape(shape)
        if self.fixed:
            batch_norm.divide(variance, self.eps, dy, dx)
        else:
            batch_norm.normalize_backward(self.buffers["y"].reshape(shape), variance, self.eps, dy, dx)

    def epilogue(self) -> Epilogue | None:
        """Return the statistics in force, where they do not depend on the batch."""
        return Epilogue(self._fold, axis=1) if self.fixed else None

    def _fold(self, scale: Array, shift: Array) -> None:
        mean_sum, variance_sum, factor = (blob.data for blob in self.params)
        fold.fold_normalization(mean_sum, variance_sum, factor, self.eps, scale, shift)

    def _recall(self, mean: Array, variance: Array) -> None:
        """Take the statistics from the sums."""
        mean_sum, variance_sum, factor = (blob.data for blob in self.params)
        weight = 0 if factor[0] == 0 else 1 / factor[0]
        np.multiply(mean_sum, weight, out=mean)
        np.multiply(variance_sum, weight, out=variance)

    def _remember(self, mean: Array, variance: Array, count: int) -> None:
        """Fade the sums and add the statistics of a batch with `count` elements a channel."""
        unbiased = count / (count - 1) if count > 1 else 1.0
        for blob, news in zip(self.params, (mean, variance * variance.dtype.type(unbiased), 1), strict=True):
            blob.data *= blob.dtype.type(self.fraction)
            blob.data += news


def _channels(shape: Shape) -> Shape:
    """Return a shape as (N, C, S)."""
    if len(shape) == 1:
        return shape[0], 1, 1
    return shape[0], shape[1], math.prod(shape[2:])
