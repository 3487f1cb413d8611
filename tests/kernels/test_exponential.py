from __future__ import annotations

import math

import numpy as np
import pytest

from pycaffelite.kernels.exponential import negative_exp, negative_expm1


@pytest.mark.parametrize("x", [0.0, -1e-300, -1e-9, -0.3465, -0.3466, -1.0, -36.7, -100.5, -699.0])
def test_values(x):
    x = np.float64(x)
    assert math.isclose(negative_exp(x), math.exp(x), rel_tol=1e-13)
    assert math.isclose(negative_expm1(x), math.expm1(x), rel_tol=1e-15)


def test_far_out_and_nan():
    assert negative_exp(np.float64(-np.inf)) < 1e-300
    assert negative_expm1(np.float64(-np.inf)) == -1
    assert math.isnan(negative_exp(np.float64(np.nan)))
    assert math.isnan(negative_expm1(np.float64(np.nan)))
