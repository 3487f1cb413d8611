from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from pycaffelite.report.statistics import describe, distribution


def test_figures() -> None:
    found = describe(np.array([[-2.0, 0.0], [0.0, 6.0]], np.float32))
    assert found.shape == (2, 2)
    assert (found.mean, found.mean_abs, found.min, found.max) == (1.0, 2.0, -2.0, 6.0)
    assert found.std == 3.0
    assert found.zeros == 0.5
    assert (found.nans, found.infinities) == (0, 0)


def test_nan_is_counted_and_left_out() -> None:
    found = describe(np.array([np.nan, 1.0, 3.0]))
    assert (found.nans, found.mean, found.min, found.max) == (1, 2.0, 1.0, 3.0)


def test_infinity_is_counted() -> None:
    found = describe(np.array([np.inf, -np.inf, 1.0]))
    assert found.infinities == 2
    assert math.isnan(found.mean)
    assert found.max == np.inf


@pytest.mark.parametrize("array", [np.zeros((0, 3)), np.full(4, np.nan)])
def test_nothing_to_describe(array: np.ndarray) -> None:
    found = describe(array)
    assert math.isnan(found.mean)
    assert math.isnan(found.zeros)


def test_sums_are_made_in_double_precision() -> None:
    assert describe(np.full(1 << 20, 0.1, np.float32)).mean == pytest.approx(np.float32(0.1), rel=1e-12)


def test_a_negative_zero_has_no_sign() -> None:
    assert str(describe(np.array([-0.0])).min) == "0.0"


@given(arrays.arrays(np.float32, st.integers(1, 40), elements=st.floats(-100, 100, width=32)))
def test_a_distribution_counts_everything(array: np.ndarray) -> None:
    found = distribution(array, 0)
    assert sum(found.counts) == array.size
    assert len(found.edges) == len(found.counts) + 1
    assert list(found.quantiles) == sorted(found.quantiles)
    assert len(found.channels) == len(array)


def test_a_distribution_of_nothing_finite() -> None:
    found = distribution(np.full((2, 2), np.nan), 1)
    assert (found.quantiles, found.counts, found.edges) == ((), (), ())
    assert len(found.first) == 4


def test_channels_lie_along_their_axis() -> None:
    array = np.arange(24.0).reshape(2, 3, 4)
    assert [channel.mean for channel in distribution(array, 1).channels] == [7.5, 11.5, 15.5]
    assert distribution(np.arange(3.0), 1).channels == ()
