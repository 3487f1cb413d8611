from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pycaffelite.kernels import _jit, convolution, winograd, winograd_tiles
from pycaffelite.kernels import winograd_tiles_plan as numbers
from pycaffelite.kernels.convolution_plan import Geometry

GEOMETRIES = {
    "one_tile": Geometry(1, 3, 4, 4, 2, (3, 3), pad=(1, 1)),
    "many_panels": Geometry(20, 3, 22, 18, 5, (3, 3), pad=(1, 1)),
    "uneven_pads": Geometry(3, 2, 5, 18, 17, (3, 3), pad=(0, 2)),
    "groups": Geometry(19, 6, 13, 13, 8, (3, 3), pad=(1, 1), groups=2),
    "five": Geometry(17, 4, 11, 9, 18, (5, 5), pad=(2, 2), groups=2),
    "wide": Geometry(2, 3, 6, 44, 3, (5, 5)),
}


@pytest.fixture(params=["by_chunks", "by_places"])
def way(request, monkeypatch):
    monkeypatch.setattr(numbers, "_pays_by_places", lambda *_: request.param == "by_places")
    return request.param


def arrays(geometry, seed=3):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((geometry.images, geometry.channels, geometry.height, geometry.width))
    dy = rng.standard_normal((geometry.images, geometry.outputs, *geometry.output_size))
    return x.astype(np.float32), dy.astype(np.float32)


def naive(geometry, x, dy):
    """Return dw and dbias in double precision."""
    (ph, pw), (height, width), (cg, og) = geometry.pad, geometry.output_size, geometry.group()
    padded = np.pad(x.astype(np.float64), ((0, 0), (0, 0), (ph, ph), (pw, pw)))
    dw = np.zeros((geometry.outputs, cg, *geometry.kernel))
    for group in range(geometry.groups):
        ins, outs = slice(group * cg, (group + 1) * cg), slice(group * og, (group + 1) * og)
        for i, j in np.ndindex(*geometry.kernel):
            place = np.s_[:, ins, i : i + height, j : j + width]
            dw[outs, :, i, j] = np.einsum("nohw,nchw->oc", dy[:, outs].astype(np.float64), padded[place])
    return dw, dy.astype(np.float64).sum((0, 2, 3))


def run(geometry, x, dy, before=0.0):
    """Return the gradients after they were added to `before`; nothing may be written behind the arrays."""
    plan, size, guard = winograd_tiles.Plan(geometry, np.float32), geometry.channels * geometry.outputs, 64
    size = size // geometry.groups * geometry.kernel[0] * geometry.kernel[1]
    dw, dbias = (np.full(count + guard, np.nan, np.float32) for count in (size, geometry.outputs))
    dw[:size], dbias[: geometry.outputs] = before, before
    winograd_tiles.weight_gradient(plan, x.reshape(-1), dy.reshape(-1), dw[:size], dbias[: geometry.outputs])
    assert np.isnan(dw[size:]).all()
    assert np.isnan(dbias[geometry.outputs :]).all()
    return dw[:size].reshape(geometry.outputs, -1, *geometry.kernel), dbias[: geometry.outputs]


def check(geometry):
    x, dy = arrays(geometry)
    for got, expected in zip(run(geometry, x, dy, before=5.0), naive(geometry, x, dy), strict=True):
        np.testing.assert_allclose(got - 5, expected, rtol=0, atol=2e-5 * max(5, np.abs(expected).max()))


@pytest.mark.parametrize("name", GEOMETRIES)
def test_gradients(name, way):
    product = numbers.plan_product(GEOMETRIES[name], winograd_tiles.Plan(GEOMETRIES[name], "f4").gradients, "weights")
    assert product.numbers[numbers.BY_PLACES] == (way == "by_places")
    check(GEOMETRIES[name])


@settings(max_examples=20, deadline=None)
@given(
    images=st.integers(1, 20),
    channels=st.integers(1, 5),
    outputs=st.integers(1, 18),
    height=st.integers(3, 11),
    width=st.integers(3, 11),
    pad=st.tuples(st.integers(0, 2), st.integers(0, 2)),
    by_places=st.booleans(),
)
def test_any_geometry(images, channels, outputs, height, width, pad, by_places):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(numbers, "_pays_by_places", lambda *_: by_places)
        check(Geometry(images, channels, height, width, outputs, (3, 3), pad=pad))


def test_what_a_panel_lacks_does_no_harm(way):
    """The last panel has fewer images than the others; what scratch holds there, be it NaN, does not count."""
    geometry = GEOMETRIES["many_panels"]
    x, dy = arrays(geometry)
    with np.errstate(invalid="ignore"):
        run(geometry, np.full_like(x, np.nan), np.full_like(dy, np.nan))
    check(geometry)


@pytest.mark.parametrize("empty", ["dw", "dbias"])
def test_one_gradient_alone(empty, way):
    geometry = GEOMETRIES["groups"]
    x, dy = arrays(geometry)
    both = dict(zip(("dw", "dbias"), (array.reshape(-1) for array in run(geometry, x, dy)), strict=True))
    found = {name: np.zeros_like(array) for name, array in both.items()}
    found[empty] = found[empty][:0]
    plan = winograd_tiles.Plan(geometry, np.float32)
    winograd_tiles.weight_gradient(plan, x.reshape(-1), dy.reshape(-1), found["dw"], found["dbias"])
    other = "dbias" if empty == "dw" else "dw"
    np.testing.assert_array_equal(found[other], both[other])


@pytest.mark.skipif(not _jit.JIT_ENABLED, reason="one thread without the JIT")
def test_threads_do_not_change_a_bit(way):
    geometry = Geometry(9, 16, 12, 12, 20, (3, 3))
    x, dy = arrays(geometry)
    both = run(geometry, x, dy)
    _jit.set_threads(1)
    try:
        one = run(geometry, x, dy)
    finally:
        _jit.set_threads(None)
    for first, second in zip(both, one, strict=True):
        np.testing.assert_array_equal(first, second)


def test_long_sums_stay_exact():
    """Many images of positive numbers, whose sums grow: the errors do not grow with them."""
    geometry = Geometry(64, 16, 8, 8, 16, (3, 3), pad=(1, 1))
    x, dy = (np.abs(array) for array in arrays(geometry))
    for got, expected in zip(run(geometry, x, dy), naive(geometry, x, dy), strict=True):
        np.testing.assert_allclose(got, expected, rtol=0, atol=3e-6 * np.abs(expected).max())


@pytest.mark.skipif(winograd_tiles.LANES < 16, reason="where it wins depends on the vectors")
def test_chosen_for_3x3_where_it_wins():
    small = Geometry(16, 64, 32, 32, 64, (3, 3), pad=(1, 1))
    assert winograd.Plan(small, np.float32).weights is winograd_tiles
    huge = Geometry(64, 1024, 28, 28, 1024, (3, 3), pad=(1, 1))  # whose sums would take hundreds of megabytes
    assert winograd.Plan(huge, np.float32).weights is convolution
    long_rows = Geometry(1, 32, 6, 30000, 32, (3, 3), pad=(1, 1))
    assert winograd.Plan(long_rows, np.float32).weights is convolution
