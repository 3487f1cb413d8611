"""Kernels that only other kernels call get no machine code of their own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pycaffelite.kernels import _inner
from pycaffelite.kernels._jit import JIT_ENABLED, kernel

needs_jit = pytest.mark.skipif(not JIT_ENABLED, reason="nothing is compiled")


@kernel(inner=True)
def add_to(x: Any, i: int, number: float) -> None:
    x[i] += number


@kernel(inner=True)
def add_to_all(x: Any, number: float) -> float:
    for i in range(x.size):
        add_to(x, i, number)
    return float(x[0])


@kernel()
def add_twice(x: Any, number: float) -> float:
    add_to_all(x, number)
    add_to(x, 1, number)
    return add_to_all(x, number)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_inner_kernels_call_each_other_and_are_called(dtype: type) -> None:
    x = np.zeros(3, dtype)
    assert add_twice(x, 2.0) == 4
    np.testing.assert_array_equal(x, [4, 6, 4])


@needs_jit
def test_no_machine_code_is_made_of_them() -> None:
    add_twice(np.zeros(3), 1.0)
    made: Any = add_to
    (result, *_) = made.overloads.values()
    engine = result.library.codegen._engine
    assert not engine.is_symbol_defined(result.fndesc.mangled_name)


@needs_jit
@pytest.mark.parametrize("error", [ImportError, AttributeError])
def test_with_another_numba_they_are_compiled_as_all_others(
    monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    def missing(name: str) -> None:
        raise error(name)

    monkeypatch.setattr(_inner, "import_module", missing)
    assert _inner.inner_options() == {}
