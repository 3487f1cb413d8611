"""BiasChannel: scores raised where labels say so."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from pycaffelite.blob import Array, Blob, Shape
from pycaffelite.errors import FieldError, ShapeError
from pycaffelite.layers.base import Arity, Context, Layer, Layout, shape_text
from pycaffelite.layers.class_scores import wrong_label
from pycaffelite.layers.registry import register
from pycaffelite.schema import messages


@register("BiasChannel")
class BiasChannel(Layer):
    """Raise the scores of classes that an image, or a pixel, is known to show.

    IMAGE: y[n,c,s] = x[n,c,s] + the number of times that c is among the labels of n, times fg_bias, for class 0 bg_bias
    PIXEL: y[n,c,s] = x[n,c,s] + fg_bias where c is the label of (n,s), unless it is the background; + bg_bias where c
    is the background and (n,s) has a label, whichever.

    Bottoms: x, N x C x any axes; labels, N x as many as an image may have; with PIXEL N x 1 x the other axes of x.
    Tops: y, the shape of x; may be x itself.
    Params: none.
    Fields: `bias_channel_param`: bg_bias (1), fg_bias (2); ignore_label, labels without meaning besides -1; label_type
        (IMAGE); background_label (0), only for PIXEL: there is no background if neither it nor bg_bias is given.
    Backward: dx = dy.
    Errors: a bias below 0; labels that do not fit or are no class.
    Source: Papandreou et al., Weakly- and Semi-Supervised Learning of a DCNN for Semantic Image Segmentation, 2015, in
        the DeepLab fork.
    """

    arity: ClassVar[Arity] = Arity(bottoms=(2, 2), in_place=True)
    no_gradient_to: ClassVar[frozenset[int]] = frozenset({1})

    def __init__(self, message: Any, context: Context) -> None:
        super().__init__(message, context)
        fields = self.fields = message.bias_channel_param
        for name in ("bg_bias", "fg_bias"):
            if not getattr(fields, name) >= 0:
                raise FieldError(f"{name} is out of range", expected="at least 0", got=f"{getattr(fields, name):.6g}")
        self.ignored = [-1, *fields.ignore_label]
        self.of_pixels = fields.label_type == messages.BiasChannelParameter.PIXEL
        self.background = fields.HasField("background_label") or fields.HasField("bg_bias")

    def layout(self, bottom_shapes: Sequence[Shape]) -> Layout:
        """Return one top like x."""
        shape, labels = bottom_shapes
        wanted = math.prod(shape[:1] + shape[2:])
        count = math.prod(labels)
        fits = len(shape) > 1 and labels[:1] == shape[:1]
        if not fits or (count != wanted if self.of_pixels else math.prod(labels[2:]) != 1):
            raise ShapeError(
                "the labels do not fit the scores",
                expected=f"{wanted} labels, one for each pixel" if self.of_pixels else "N x labels",
                got=f"shapes {shape_text(shape)} and {shape_text(labels)}",
            )
        return Layout([shape])

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Write y."""
        x, y = bottom[0].data, top[0].data
        if top[0] is not bottom[0]:
            np.copyto(y, x)
        images, channels = x.shape[:2]
        labels = bottom[1].data.reshape(images, -1)
        counted = ~np.isin(np.trunc(labels), self.ignored)
        wrong = np.flatnonzero(counted & ~((labels > -1) & (labels < channels)))
        if wrong.size:
            raise wrong_label(bottom[1], int(wrong[0]), channels)
        for n in range(images):
            places = np.flatnonzero(counted[n])
            classes = labels[n, places].astype(np.int64)
            scores = y[n].reshape(channels, -1)
            if self.of_pixels:
                self._raise_pixels(scores, places, classes)
            else:
                for label in classes:
                    scores[label] += self.fields.fg_bias if label else self.fields.bg_bias

    def _raise_pixels(self, scores: Array, places: Array, classes: Array) -> None:
        """Raise the scores (C x S) of the classes at some places."""
        behind = self.fields.background_label
        if self.background:
            scores[behind, places] += self.fields.bg_bias
            front = classes != behind
            places, classes = places[front], classes[front]
        scores[classes, places] += self.fields.fg_bias

    def backward(self, top: Sequence[Blob], wanted: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """Write dx."""
        if wanted[0] and top[0] is not bottom[0]:
            np.copyto(bottom[0].diff, top[0].diff)
