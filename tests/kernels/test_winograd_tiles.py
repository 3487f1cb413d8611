from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pycaffelite.kernels import _jit, convolution, convolution_choice, winograd_maps, winograd_tiles
from pycaffelite.kernels import winograd_tiles_plan as numbers
from pycaffelite.kernels.convolution_plan import Geometry

KERNEL = (5, 5)
OUTPUTS, GRADIENTS = winograd_maps.Form(2, 5), winograd_maps.Form(4, 5)
GEOMETRIES = {
    "one_tile": Geometry(1, 3, 6, 6, 2, KERNEL),
    "odd_sizes": Geometry(2, 2, 7, 9, 3, KERNEL),
    "padded": Geometry(3, 3, 9, 8, 4, KERNEL, pad=(2, 2)),
    "uneven_pads": Geometry(2, 3, 25, 23, 2, KERNEL, pad=(1, 3)),
    "groups": Geometry(1, 4, 21, 13, 34, KERNEL, pad=(2, 2), groups=2),
    "images_together": Geometry(33, 2, 8, 7, 2, KERNEL, pad=(0, 4)),
    "long_rows": Geometry(1, 2, 6, 44, 3, KERNEL),
}


def arrays(geometry, seed=3):
    rng = np.random.default_rng(seed)
    shapes = {
        "x": (geometry.images, geometry.channels, geometry.height, geometry.width),
        "w": (geometry.outputs, geometry.channels // geometry.groups, *KERNEL),
        "bias": (geometry.outputs,),
        "dy": (geometry.images, geometry.outputs, *geometry.output_size),
    }
    return {name: rng.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}


def naive(geometry, x, w, bias, dy):
    """Return y, dx, dw and dbias in double precision."""
    (ph, pw), (height, width), (cg, og) = geometry.pad, geometry.output_size, geometry.group()
    padded = np.pad(x.astype(np.float64), ((0, 0), (0, 0), (ph, ph), (pw, pw)))
    y, d_padded, dw = np.zeros(dy.shape), np.zeros(padded.shape), np.zeros(w.shape)
    for group in range(geometry.groups):
        ins, outs = slice(group * cg, (group + 1) * cg), slice(group * og, (group + 1) * og)
        for i in range(KERNEL[0]):
            for j in range(KERNEL[1]):
                place = np.s_[:, ins, i : i + height, j : j + width]
                y[:, outs] += np.einsum("oc,nchw->nohw", w[outs, :, i, j], padded[place])
                d_padded[place] += np.einsum("oc,nohw->nchw", w[outs, :, i, j], dy[:, outs])
                dw[outs, :, i, j] += np.einsum("nohw,nchw->oc", dy[:, outs], padded[place])
    dx = d_padded[:, :, ph : ph + geometry.height, pw : pw + geometry.width]
    return y + bias[:, None, None], dx, dw, dy.astype(np.float64).sum((0, 2, 3))


def run(geometry, x, w, bias, dy, before=0.0):
    """Return what the kernels give; nothing may be written behind the arrays."""
    plan, guard = winograd_tiles.Plan(geometry, np.float32), 64
    results = [np.full(array.size + guard, np.nan, np.float32) for array in (dy, x, w, bias)]
    y, dx, dw, dbias = (result[:-guard] for result in results)
    dw[:], dbias[:] = before, before
    winograd_tiles.forward(plan, x.reshape(-1), w.reshape(-1), bias, y)
    winograd_tiles.data_gradient(plan, w.reshape(-1), dy.reshape(-1), dx)
    winograd_tiles.weight_gradient(plan, x.reshape(-1), dy.reshape(-1), dw, dbias)
    assert all(np.isnan(result[-guard:]).all() for result in results)
    shapes = (dy.shape, x.shape, w.shape, bias.shape)
    return [result.reshape(shape) for result, shape in zip((y, dx, dw, dbias), shapes, strict=True)]


def check(geometry):
    given_arrays = arrays(geometry)
    tolerances = {"y": 3e-6, "dx": 1.2e-5, "dw": 2e-5, "dbias": 3e-6}
    results = zip(tolerances.items(), run(geometry, **given_arrays), naive(geometry, **given_arrays), strict=True)
    for (name, tolerance), got, expected in results:
        np.testing.assert_allclose(got, expected, rtol=0, atol=tolerance * np.abs(expected).max(), err_msg=name)


@pytest.mark.parametrize("name", GEOMETRIES)
def test_all_products(name):
    check(GEOMETRIES[name])


def test_an_image_in_several_panels(monkeypatch):
    monkeypatch.setattr(numbers, "_PANEL_BYTES", 1)
    geometry = Geometry(2, 3, 20, 37, 4, KERNEL, pad=(2, 2))
    product = numbers.plan_product(geometry, GRADIENTS, "data")
    assert product.numbers[numbers.BANDS] > 1
    check(geometry)


def test_images_share_a_panel():
    product = numbers.plan_product(GEOMETRIES["images_together"], OUTPUTS, "forward")
    assert product.numbers[numbers.TOGETHER] > 1


@settings(max_examples=20, deadline=None)
@given(
    images=st.integers(1, 3),
    channels=st.integers(1, 5),
    outputs=st.integers(1, 18),
    height=st.integers(5, 16),
    width=st.integers(5, 22),
    pad=st.tuples(st.integers(0, 4), st.integers(0, 4)),
)
def test_any_geometry(images, channels, outputs, height, width, pad):
    check(Geometry(images, channels, height, width, outputs, KERNEL, pad=pad))


@pytest.mark.parametrize("form", [OUTPUTS, GRADIENTS, (4, 3)])
def test_maps_make_a_convolution_and_its_gradients(form):
    """In double precision the matrices give what the definition does."""
    form = winograd_maps.Form(*form)
    rng, (step, taps), found = np.random.default_rng(1), form, winograd_maps.matrices(form)
    b, g, a = (found[which][0] for which in (0, 2, 1))
    pixels, weights, d_out = (rng.standard_normal((size, size)) for size in (form.side, taps, step))
    places = [(i, j) for i in range(step) for j in range(step)]
    y, dx, dw = np.zeros((step, step)), np.zeros((form.side, form.side)), np.zeros((taps, taps))
    for i, j in places:
        window = np.s_[i : i + taps, j : j + taps]
        y[i, j] = (weights * pixels[window]).sum()
        dx[window] += d_out[i, j] * weights
        dw += d_out[i, j] * pixels[window]
    u, v, w = g @ weights @ g.T, b @ pixels @ b.T, a @ d_out @ a.T
    np.testing.assert_allclose(a.T @ (u * v) @ a, y, atol=1e-11)
    np.testing.assert_allclose(b.T @ (u * w) @ b, dx, atol=1e-11)
    np.testing.assert_allclose(g.T @ (w * v) @ g, dw, atol=1e-11)
    assert all((found[back][0] == found[forth][0].T).all() for forth, back in ((0, 3), (1, 4), (2, 5)))


def test_gradients_are_added():
    geometry = GEOMETRIES["padded"]
    given_arrays = arrays(geometry)
    _y, _dx, dw, dbias = run(geometry, **given_arrays, before=5.0)
    _y, _dx, dw_alone, dbias_alone = run(geometry, **given_arrays)
    np.testing.assert_allclose(dw, dw_alone + 5, rtol=1e-5, atol=1e-4)
    np.testing.assert_allclose(dbias, dbias_alone + 5, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("empty", ["dw", "dbias"])
def test_one_gradient_alone(empty):
    geometry = GEOMETRIES["odd_sizes"]
    given_arrays = arrays(geometry)
    _y, _dx, dw, dbias = run(geometry, **given_arrays)
    found = {"dw": np.zeros_like(dw).reshape(-1), "dbias": np.zeros_like(dbias)}
    found[empty] = found[empty][:0]
    plan = winograd_tiles.Plan(geometry, np.float32)
    x, dy = given_arrays["x"].reshape(-1), given_arrays["dy"].reshape(-1)
    winograd_tiles.weight_gradient(plan, x, dy, found["dw"], found["dbias"])
    other = "dbias" if empty == "dw" else "dw"
    np.testing.assert_array_equal(found[other], {"dw": dw.reshape(-1), "dbias": dbias}[other])


def test_error_for_many_channels():
    """Images as a ReLU leaves them, weights as MSRA fills them: the errors stay near those of plain sums."""
    geometry = Geometry(2, 96, 10, 10, 8, KERNEL, pad=(2, 2))
    given_arrays = arrays(geometry)
    given_arrays["x"] = np.maximum(given_arrays["x"], 0)
    given_arrays["w"] *= np.float32(np.sqrt(2 / (25 * 96)))
    results = zip((3e-6, 1e-5, 1e-5), run(geometry, **given_arrays), naive(geometry, **given_arrays), strict=False)
    for tolerance, got, expected in results:
        assert np.abs(got - expected).max() < tolerance * np.abs(expected).max()


def test_error_beside_one_large_number():
    """A gradient that is larger than all others costs digits of the sums that it is in, but not too many."""
    geometry = Geometry(1, 4, 4, 4, 192, KERNEL, pad=(2, 2))
    given_arrays = arrays(geometry, seed=4)
    given_arrays["dy"][0, 0, 0, 0] = 1e4
    (_y, dx, dw, _dbias), expected = run(geometry, **given_arrays), naive(geometry, **given_arrays)
    assert np.abs(dx - expected[1]).max() < 2e-5 * np.abs(expected[1]).max()
    assert np.abs(dw - expected[2]).max() < 2e-5 * np.abs(expected[2]).max()


def test_scale_shift_and_rectifier():
    geometry = GEOMETRIES["odd_sizes"]
    given_arrays = arrays(geometry)
    y = naive(geometry, **{**given_arrays, "bias": np.zeros(3)})[0]
    plan, found = winograd_tiles.Plan(geometry, np.float32), np.zeros_like(given_arrays["dy"])
    scale, shift = np.array([0.5, -2.0, 1.5], np.float32), given_arrays["bias"]
    scaled = scale[:, None, None] * y + shift[:, None, None]
    x, w = given_arrays["x"].reshape(-1), given_arrays["w"].reshape(-1)
    winograd_tiles.forward(plan, x, w, shift, found.reshape(-1), scale, 0.25)
    atol = 1e-5 * np.abs(y).max()
    np.testing.assert_allclose(found, np.where(scaled > 0, scaled, 0.25 * scaled), rtol=0, atol=atol)


def test_numbers_beyond_an_image_do_no_harm():
    """Infinities in one image leave the others alone."""
    geometry = GEOMETRIES["odd_sizes"]
    given_arrays = arrays(geometry)
    clean = run(geometry, **given_arrays)
    for name in ("x", "dy"):
        given_arrays[name][0] = np.inf
    with np.errstate(invalid="ignore"):
        y, dx, _dw, _dbias = run(geometry, **given_arrays)
    np.testing.assert_array_equal(y[1], clean[0][1])
    np.testing.assert_array_equal(dx[1], clean[1][1])


@pytest.mark.skipif(not _jit.JIT_ENABLED, reason="one thread without the JIT")
def test_threads_do_not_change_a_bit():
    geometry = Geometry(9, 16, 12, 12, 20, KERNEL)
    given_arrays = arrays(geometry)
    both = run(geometry, **given_arrays)
    _jit.set_threads(1)
    try:
        one = run(geometry, **given_arrays)
    finally:
        _jit.set_threads(None)
    for first, second in zip(both, one, strict=True):
        np.testing.assert_array_equal(first, second)


@pytest.mark.skipif(winograd_maps.LANES < 16, reason="where it wins depends on the vectors")
def test_chosen_where_it_wins():
    def module(*sizes, dtype=np.float32, **fields):
        return convolution_choice.choose(Geometry(*sizes, KERNEL, **fields), dtype)[0]

    assert module(64, 20, 12, 12, 50) is winograd_tiles
    assert module(10, 96, 27, 27, 256, pad=(2, 2), groups=2) is winograd_tiles
    assert module(64, 1, 28, 28, 20) is convolution
    assert module(10, 512, 27, 27, 512, pad=(2, 2)) is convolution  # eight gradients at each place would be much memory
    assert module(1, 20, 12, 12, 50) is convolution  # the weights would cost most
    assert module(64, 64, 4, 4, 64, pad=(2, 2)) is winograd_tiles
    assert module(64, 64, 3, 5, 64, pad=(2, 2)) is convolution  # no tile would be filled
    assert module(1, 16, 6, 600, 32, pad=(2, 2)) is winograd_tiles
    assert module(1, 16, 6, 30000, 32, pad=(2, 2)) is convolution  # a row of tiles would be much memory
    assert module(64, 20, 12, 12, 50, dtype=np.float64) is convolution
    assert module(64, 20, 12, 12, 50, stride=(2, 2)) is convolution
