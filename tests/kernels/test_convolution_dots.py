from __future__ import annotations

import numpy as np
import pytest

from pycaffelite.kernels import convolution, convolution_dots
from pycaffelite.kernels.convolution_plan import Geometry

GEOMETRIES = {
    "one_channel": Geometry(3, 1, 22, 22, 6, (5, 5)),
    "padded": Geometry(2, 3, 17, 19, 11, (5, 5), pad=(2, 2)),
    "all_different": Geometry(17, 4, 15, 16, 12, (7, 6), (2, 1), (1, 2), (1, 2), 2),
    "wide": Geometry(1, 2, 3, 400, 5, (2, 3), pad=(0, 1)),
}


def gradients(geometry, dtype, dots, wanted=(True, True)):
    rng = np.random.default_rng(3)
    x = rng.standard_normal(geometry.x_size).astype(dtype)
    height, width = geometry.output_size
    dy = rng.standard_normal(geometry.images * geometry.outputs * height * width).astype(dtype)
    area = geometry.kernel[0] * geometry.kernel[1]
    dw = np.full(geometry.outputs * geometry.group()[0] * area * wanted[0], 5, dtype)
    dbias = np.full(geometry.outputs * wanted[1], 5, dtype)
    plan = convolution.Plan(geometry, dtype)
    plan.dots = dots
    convolution.weight_gradient(plan, x, dy, dw, dbias)
    return dw, dbias


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", GEOMETRIES)
def test_as_the_matrix_product(name, dtype):
    tolerance = {np.float32: 1e-5, np.float64: 1e-13}[dtype]
    for got, expected in zip(*(gradients(GEOMETRIES[name], dtype, dots) for dots in (True, False)), strict=True):
        np.testing.assert_allclose(got, expected, rtol=0, atol=tolerance * np.abs(expected).max())


def test_some_rows_at_a_time(monkeypatch):
    monkeypatch.setattr(convolution_dots, "_PLANES_BYTES", 4000)
    test_as_the_matrix_product("padded", np.float32)
    test_as_the_matrix_product("all_different", np.float64)


@pytest.mark.parametrize("wanted", [(True, False), (False, True)])
def test_one_of_the_two(wanted):
    both = gradients(GEOMETRIES["padded"], np.float32, True)
    for one, got, expected in zip(wanted, gradients(GEOMETRIES["padded"], np.float32, True, wanted), both, strict=True):
        np.testing.assert_array_equal(got, expected if one else [])


@pytest.mark.parametrize(
    ("geometry", "expected"),
    [
        (Geometry(64, 1, 28, 28, 20, (5, 5)), True),
        (Geometry(100, 3, 32, 32, 32, (5, 5), pad=(2, 2)), True),
        (Geometry(64, 20, 12, 12, 50, (5, 5)), False),
        (Geometry(64, 1, 7, 7, 50, (5, 5)), False),
        (Geometry(10, 3, 227, 227, 96, (11, 11), (4, 4)), False),
    ],
)
def test_chosen_for_few_channels(geometry, expected):
    assert convolution_dots.suits(geometry, np.dtype(np.float32)) is expected
