"""What a contract is checked on: configurations that work and configurations that are refused."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from pycaffelite.blob import Array, Shape
from pycaffelite.layers.base import DataOptions, Phase

Oracle = Callable[[list[Array], list[Array]], Any]


@dataclass(frozen=True)
class Case:
    """One configuration of a layer.

    Args:
        text: The fields of the layer, as `pooling_param { kernel_size: 2 }`, or a whole `layer { }`.
        bottoms: For each bottom a shape, which random numbers fill, or an array.
        phase: "TRAIN" or "TEST".
        oracle: A function of the lists of bottoms and parameters that returns the top, or the list of tops, or a list
            with None for tops that it says nothing about. Written apart from the layer, in plain NumPy.
        tops: How many tops the layer has; the fewest it takes, by default. A whole `layer { }` says it itself.
        params: Arrays for the parameters, None for random ones.
        wanted: Which bottoms get a gradient; all but labels by default.
        top_diffs: What backward starts from; 0 for a top that has no gradient. See `LayerRunner`.
        in_place: Whether it is also run in place, if the layer's arity and the shapes allow that.
        gradients: Whether the layer has a backward pass here.
        skip_kinks: Whether the gradient check leaves out elements beside a kink.
        gradient_tolerance: See `check_gradients`.
        float32_tolerance: How far a float32 top may be from the float64 one, relative to the largest element; the
            diffs may be five times as far.
        data: The options of data layers.
    """

    text: str = ""
    bottoms: Sequence[Array | Shape] = ((2, 3, 4, 5),)
    phase: Phase = "TRAIN"
    oracle: Oracle | None = None
    tops: int | None = None
    params: Sequence[Array | None] | None = None
    wanted: Sequence[bool] | None = None
    top_diffs: Sequence[Array | float | None] | None = None
    in_place: bool = True
    gradients: bool = True
    skip_kinks: bool = False
    gradient_tolerance: float = 1e-6
    float32_tolerance: float = 1e-5
    data: DataOptions = field(default_factory=DataOptions)


@dataclass(frozen=True)
class ErrorCase:
    """One configuration or input that a layer refuses, while it is made, laid out, run forward or run backward.

    Args:
        text: The fields of the layer, or a whole `layer { }`.
        bottoms: Shapes or arrays of the bottoms.
        message: The exact text of the error; common indentation does not count.
        phase: "TRAIN" or "TEST".
        tops: How many tops the layer has.
    """

    text: str = ""
    bottoms: Sequence[Array | Shape] = ((2, 3, 4, 5),)
    message: str = ""
    phase: Phase = "TRAIN"
    tops: int | None = None
