"""Figures that describe one array."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from pycaffelite.blob import Array, Shape

QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)


@dataclass(frozen=True)
class Statistics:
    """Figures over all numbers of an array that are not NaN; all are NaN where there is no such number.

    Attributes:
        shape: The lengths of the axes.
        mean, mean_abs, std, min, max: The usual; std is that of the whole population.
        zeros: The share of exact zeros, from 0 to 1.
        nans: How many are NaN.
        infinities: How many are infinite.
    """

    shape: Shape
    mean: float
    mean_abs: float
    std: float
    min: float
    max: float
    zeros: float
    nans: int
    infinities: int


def describe(array: Array) -> Statistics:
    """Compute the figures of an array, summing in float64."""
    nans = int(np.count_nonzero(np.isnan(array)))
    values = array[~np.isnan(array)] if nans else array
    if not values.size:
        nothing = float("nan")
        return Statistics(array.shape, nothing, nothing, nothing, nothing, nothing, nothing, nans, 0)
    with np.errstate(all="ignore"):  # infinities make NaN of mean and std, as they should
        return Statistics(
            shape=array.shape,
            mean=float(np.mean(values, dtype=np.float64)),
            mean_abs=float(np.mean(np.abs(values), dtype=np.float64)),
            std=float(np.std(values, dtype=np.float64)),
            min=float(np.min(values)) + 0.0,  # -0.0 is not worth a sign
            max=float(np.max(values)) + 0.0,
            zeros=1.0 - np.count_nonzero(values) / values.size,
            nans=nans,
            infinities=int(np.count_nonzero(np.isinf(values))),
        )


@dataclass(frozen=True)
class Distribution:
    """How the finite numbers of an array are spread.

    Attributes:
        quantiles: The values at the shares `QUANTILES`.
        edges: The edges of the histogram's bins, one more than bins.
        counts: How many numbers fall in each bin.
        first: The first numbers in memory order.
        channels: Figures of each channel: axis 1 of a top, axis 0 (the output) of a parameter.
    """

    quantiles: tuple[float, ...]
    edges: tuple[float, ...]
    counts: tuple[int, ...]
    first: tuple[float, ...]
    channels: tuple[Statistics, ...]


def distribution(array: Array, channel_axis: int, bins: int = 16, first: int = 10) -> Distribution:
    """Compute how the numbers of an array are spread."""
    finite = array[np.isfinite(array)].astype(np.float64)
    quantiles: Any = np.quantile(finite, QUANTILES) if finite.size else ()
    counts, edges = np.histogram(finite, bins) if finite.size else ((), ())
    channels = np.moveaxis(array, channel_axis, 0) if array.ndim > channel_axis else ()
    return Distribution(
        quantiles=tuple(map(float, quantiles)),
        edges=tuple(map(float, edges)),
        counts=tuple(map(int, counts)),
        first=tuple(map(float, array.reshape(-1)[:first])),
        channels=tuple(describe(np.asarray(channel)) for channel in channels),
    )
