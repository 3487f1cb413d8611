"""GradientScaler: gradients reversed on their way down."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pycaffelite.blob import Blob, Shape
from pycaffelite.errors import FieldError
from pycaffelite.layers.base import Arity, Context, Layer, Layout
from pycaffelite.layers.registry import register


@register("GradientScaler")
class GradientScaler(Layer):
    """Pass numbers on, and their gradients back with the opposite sign: what is below learns to hinder what is above.

    y[i] = x[i]

    Bottoms: x, any shape.
    Tops: y, the shape of x; may be x itself.
    Params: none.
    Fields: `gradient_scaler_param`: lower_bound (0), upper_bound (1), alpha (10), max_iter (1).
    Backward: dx[i] = -(lower_bound + (upper_bound - lower_bound) (2 / (1 + exp(-alpha t)) - 1)) dy[i], with t =
        min(1, passes / max_iter) and passes the number of forward passes before this one.
    Errors: lower_bound above upper_bound; alpha below 0; max_iter below 1.
    Source: Ganin and Lempitsky, Unsupervised Domain Adaptation by Backpropagation, 2015, in its fork, which counts
        iterations of the solver instead: with iter_size above 1 multiply max_iter by it.
    """

    arity = Arity(in_place=True)

    def __init__(self, message: Any, context: Context) -> None:
        super().__init__(message, context)
        fields = self.fields = message.gradient_scaler_param
        if fields.lower_bound > fields.upper_bound:
            raise FieldError(
                "lower_bound is above upper_bound",
                expected=f"at most {fields.upper_bound:.6g}",
                got=f"{fields.lower_bound:.6g}",
            )
        for name, least in (("alpha", 0), ("max_iter", 1)):
            if not getattr(fields, name) >= least:
                raise FieldError(
                    f"{name} is out of range", expected=f"at least {least}", got=f"{getattr(fields, name):.6g}"
                )
        self.passes = 0

    def layout(self, bottom_shapes: Sequence[Shape]) -> Layout:
        """Return one top like the bottom."""
        return Layout([bottom_shapes[0]])

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Write y."""
        self.passes += 1
        if top[0] is not bottom[0]:
            np.copyto(top[0].data, bottom[0].data)

    def backward(self, top: Sequence[Blob], wanted: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """Write dx."""
        if wanted[0]:
            np.multiply(top[0].diff, -self._factor(), out=bottom[0].diff)

    def _factor(self) -> float:
        """Return by what gradients are multiplied, but for the sign."""
        fields = self.fields
        done = min(1.0, (self.passes - 1) / fields.max_iter)
        share = 2 / (1 + math.exp(-min(fields.alpha * done, 700.0))) - 1
        return float(fields.lower_bound + (fields.upper_bound - fields.lower_bound) * share)

    def state(self) -> dict[str, Any]:
        """Return how many passes there have been."""
        return {"passes": self.passes}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on after as many passes."""
        self.passes = int(state["passes"])
