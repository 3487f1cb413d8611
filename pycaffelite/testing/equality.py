"""How tests compare arrays and values, with messages that say what differs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pycaffelite.blob import Array


def close(actual: Array, expected: Any, tolerance: float, what: str, *, floor: float = 1e-13) -> None:
    """Require equal shapes and a difference of at most `tolerance` times the largest expected element, plus `floor`."""
    truth = np.asarray(expected)
    require(actual.shape == truth.shape, f"{what} has shape {actual.shape}, not {truth.shape}")
    finite = np.abs(truth[np.isfinite(truth)])
    limit = tolerance * float(finite.max(initial=0)) + floor
    np.testing.assert_allclose(actual, truth, rtol=0, atol=limit, err_msg=what)


def same_bits(actual: Sequence[Array], expected: Sequence[Array], what: str) -> None:
    """Require that arrays are equal, element for element and in shape and type; NaN equals NaN."""
    for first, second in zip(actual, expected, strict=True):
        np.testing.assert_array_equal(first, second, err_msg=what, strict=True)


def require(truth: bool, what: str) -> None:
    """Fail with a sentence: pytest does not rewrite the assertions of installed packages."""
    if not truth:
        raise AssertionError(what)


def same(first: Any, second: Any) -> bool:
    """Compare values that may hold arrays; objects that cannot be compared count as the same."""
    if isinstance(first, dict):
        return first.keys() == second.keys() and all(same(first[key], second[key]) for key in first)
    if isinstance(first, (list, tuple)):
        return len(first) == len(second) and all(map(same, first, second))
    if isinstance(first, np.ndarray):
        return bool(np.array_equal(first, second, equal_nan=first.dtype.kind == "f"))
    by_identity = getattr(type(first), "__eq__", None) is getattr(object, "__eq__", None)
    return type(first) is type(second) if by_identity else bool(first == second)
