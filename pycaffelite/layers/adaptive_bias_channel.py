"""AdaptiveBiasChannel: scores raised until each class of an image wins a part of it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from pycaffelite.blob import Array, Blob, Shape
from pycaffelite.errors import FieldError, ShapeError
from pycaffelite.layers.base import Arity, Context, Layer, Layout, shape_text
from pycaffelite.layers.class_scores import wrong_label
from pycaffelite.layers.registry import register


@register("AdaptiveBiasChannel")
class AdaptiveBiasChannel(Layer):
    """Raise the scores of the classes that an image is known to show, each as a whole, until each wins a part of it.

    For each image n with labels other than -1:
    1. With suppress_others, scores of classes not among the labels that are above the lowest of those that are, at the
       same place, become that lowest one less margin_others.
    2. num_iter times, for each label, the background 0 first if it is one, the others in random order: all scores of it
       are raised by as much as makes it highest, among the labels, at the part of places that is its portion.
    3. All scores are lowered by the same, so that the mean of the highest score of labels is what it was after 1.

    Bottoms: x, N x C x any axes; labels, N x as many as an image may have.
    Tops: y, the shape of x; may be x itself.
    Params: none.
    Fields: `adaptive_bias_channel_param`: num_iter (1); bg_portion, fg_portion (0.2), from 0 to 1; suppress_others
        (true); margin_others (1e-5).
    Backward: none.
    Errors: a portion that is none, num_iter below 1, margin_others below 0; fewer than two classes; labels that do not
        fit or are no class.
    Source: Papandreou et al., Weakly- and Semi-Supervised Learning of a DCNN for Semantic Image Segmentation, 2015, in
        the DeepLab fork: what pixels probably show, for a net to learn from.
    """

    arity: ClassVar[Arity] = Arity(bottoms=(2, 2), in_place=True)
    no_gradient_to: ClassVar[frozenset[int]] = frozenset({0, 1})

    def __init__(self, message: Any, context: Context) -> None:
        super().__init__(message, context)
        fields = self.fields = message.adaptive_bias_channel_param
        for name, least, most in (
            ("num_iter", 1, math.inf),
            ("bg_portion", 0, 1),
            ("fg_portion", 0, 1),
            ("margin_others", 0, math.inf),
        ):
            if not least <= getattr(fields, name) <= most:
                raise FieldError(
                    f"{name} is out of range",
                    expected=f"from {least} to {most}" if most == 1 else f"at least {least}",
                    got=f"{getattr(fields, name):.6g}",
                )
        self.passes = 0  # of random orders drawn

    def layout(self, bottom_shapes: Sequence[Shape]) -> Layout:
        """Return one top like x."""
        shape, labels = bottom_shapes
        if len(shape) < 2 or shape[1] < 2 or labels[:1] != shape[:1] or math.prod(labels[2:]) != 1:
            raise ShapeError(
                "the labels do not fit the scores",
                expected="N x at least 2 x any axes, and N x labels",
                got=f"shapes {shape_text(shape)} and {shape_text(labels)}",
            )
        return Layout([shape])

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Write y."""
        if top[0] is not bottom[0]:
            np.copyto(top[0].data, bottom[0].data)
        images, channels = bottom[0].shape[:2]
        labels = bottom[1].data.reshape(images, -1)
        wrong = np.flatnonzero(~((labels >= -1) & (labels < channels)))
        if wrong.size:
            raise wrong_label(bottom[1], int(wrong[0]), channels)
        random = np.random.Generator(np.random.Philox(key=self.context.key(self.name), counter=[0, self.passes, 0, 0]))
        self.passes += 1
        for n in range(images):
            present = np.sort(labels[n][np.trunc(labels[n]) != -1].astype(np.int64))
            if present.size and top[0].count:
                self._adapt(top[0].data[n].reshape(channels, -1), present, random)

    def _adapt(self, scores: Array, present: Array, random: np.random.Generator) -> None:
        """Change the scores (C x S) of one image, given its labels in order."""
        fields = self.fields
        if fields.suppress_others:
            lowest = scores[present].min(0)
            for c in set(range(len(scores))) - set(present.tolist()):
                np.copyto(scores[c], lowest - scores.dtype.type(fields.margin_others), where=scores[c] > lowest)
        highest = scores[present].max(0)
        before = highest.mean(dtype=np.float64)
        first = int(present[0] == 0)
        for _ in range(fields.num_iter):
            random.shuffle(present[first:])
            for label in present:
                portion = fields.fg_portion if label else fields.bg_portion
                rank = min(int(portion * highest.size), highest.size - 1)
                scores[label] += np.partition(highest - scores[label], rank)[rank]
                np.maximum(highest, scores[label], out=highest)
        scores += scores.dtype.type(before - highest.mean(dtype=np.float64))

    def backward(self, top: Sequence[Blob], wanted: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """Do nothing: no bottom gets a gradient."""

    def state(self) -> dict[str, Any]:
        """Return how many passes have drawn random orders."""
        return {"passes": self.passes}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on drawing after that many passes."""
        self.passes = int(state["passes"])
