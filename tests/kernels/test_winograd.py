from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pycaffelite.kernels import _jit, convolution, convolution_choice, winograd, winograd_plan, winograd_transform
from pycaffelite.kernels.convolution_plan import Geometry

KERNEL = (3, 3)
GEOMETRIES = {
    "one_tile": Geometry(1, 3, 4, 4, 2, KERNEL, pad=(1, 1)),
    "many_tiles": Geometry(2, 3, 22, 18, 5, KERNEL, pad=(1, 1)),
    "few_tiles": Geometry(1, 5, 9, 9, 40, KERNEL, pad=(1, 1)),
    "panel_over_images": Geometry(3, 2, 5, 18, 17, KERNEL, pad=(0, 2)),
    "runs_past_the_panel": Geometry(1, 3, 28, 28, 60, KERNEL, pad=(1, 1)),
    "no_pad": Geometry(1, 2, 7, 6, 3, KERNEL),
    "groups": Geometry(2, 6, 13, 13, 8, KERNEL, pad=(1, 1), groups=2),
    "groups_few_tiles": Geometry(2, 6, 5, 7, 75, KERNEL, pad=(1, 1), groups=3),
}


def arrays(geometry):
    rng = np.random.default_rng(3)
    shapes = {
        "x": (geometry.images, geometry.channels, geometry.height, geometry.width),
        "w": (geometry.outputs, geometry.group()[0], 3, 3),
        "bias": (geometry.outputs,),
        "dy": (geometry.images, geometry.outputs, *geometry.output_size),
    }
    return {name: rng.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}


def naive(geometry, x, w, bias, dy):
    """Return y and dx in double precision."""
    (ph, pw), (height, width), (cg, og) = geometry.pad, geometry.output_size, geometry.group()
    padded = np.pad(x.astype(np.float64), ((0, 0), (0, 0), (ph, ph), (pw, pw)))
    y, d_padded = np.zeros(dy.shape), np.zeros(padded.shape)
    for group in range(geometry.groups):
        ins, outs = slice(group * cg, (group + 1) * cg), slice(group * og, (group + 1) * og)
        for i in range(3):
            for j in range(3):
                place = np.s_[:, ins, i : i + height, j : j + width]
                y[:, outs] += np.einsum("oc,nchw->nohw", w[outs, :, i, j], padded[place])
                d_padded[place] += np.einsum("oc,nohw->nchw", w[outs, :, i, j], dy[:, outs])
    return y + bias[:, None, None], d_padded[:, :, ph : ph + geometry.height, pw : pw + geometry.width]


def run(geometry, x, w, bias, dy):
    """Return what the kernels give; nothing may be written behind the arrays."""
    plan, guard = winograd.Plan(geometry, np.float32), 64
    y, dx = (np.full(array.size + guard, np.nan, np.float32) for array in (dy, x))
    winograd.forward(plan, x.reshape(-1), w.reshape(-1), bias, y[: dy.size])
    winograd.data_gradient(plan, w.reshape(-1), dy.reshape(-1), dx[: x.size])
    assert np.isnan(y[dy.size :]).all()
    assert np.isnan(dx[x.size :]).all()
    return y[: dy.size].reshape(dy.shape), dx[: x.size].reshape(x.shape)


def check(geometry):
    given_arrays = arrays(geometry)
    for name, got, expected in zip(("y", "dx"), run(geometry, **given_arrays), naive(geometry, **given_arrays)):  # noqa: B905
        np.testing.assert_allclose(got, expected, rtol=0, atol=4e-6 * np.abs(expected).max(), err_msg=name)


@pytest.mark.parametrize("name", GEOMETRIES)
def test_forward_and_data_gradient(name):
    check(GEOMETRIES[name])


def test_slices_and_groups(monkeypatch):
    monkeypatch.setattr(winograd_plan, "_U_BYTES", 8 * 1024)
    monkeypatch.setattr(winograd_plan, "_TASKS", 1)
    numbers, _scratch = winograd_plan.make_numbers(GEOMETRIES["few_tiles"], False)
    assert numbers[winograd_plan.SLICE] < 5
    assert numbers[winograd_plan.GROUP] == 2
    check(GEOMETRIES["few_tiles"])


@settings(max_examples=25, deadline=None)
@given(
    images=st.integers(1, 3),
    channels=st.integers(1, 9),
    outputs=st.integers(1, 20),
    height=st.integers(3, 20),
    width=st.integers(3, 20),
    pad=st.tuples(st.integers(0, 2), st.integers(0, 2)),
)
def test_any_geometry(images, channels, outputs, height, width, pad):
    check(Geometry(images, channels, height, width, outputs, KERNEL, pad=pad))


def test_transforms_make_a_convolution():
    """In double precision the three matrices give what the definition does."""
    rng = np.random.default_rng(1)
    d, g = rng.standard_normal((6, 6)), rng.standard_normal((3, 3))
    b, g_, a = winograd_transform.TO_PIXELS, winograd_transform.TO_WEIGHTS, winograd_transform.TO_OUTPUTS
    expected = [[(g * d[i : i + 3, j : j + 3]).sum() for j in range(4)] for i in range(4)]
    np.testing.assert_allclose(a @ ((g_ @ g @ g_.T) * (b @ d @ b.T)) @ a.T, expected, atol=1e-12)


def test_error_for_many_channels():
    """Images as a ReLU leaves them, weights as MSRA fills them: the error stays below 5e-6 of the largest."""
    geometry = Geometry(1, 256, 12, 12, 8, KERNEL, pad=(1, 1))
    given_arrays = arrays(geometry)
    given_arrays["x"] = np.maximum(given_arrays["x"], 0)
    given_arrays["w"] *= np.float32(np.sqrt(2 / (9 * 256)))
    y, _dx = run(geometry, **given_arrays)
    expected, _dx = naive(geometry, **given_arrays)
    assert np.abs(y - expected).max() < 5e-6 * np.abs(expected).max()


def test_scale_shift_and_rectifier():
    geometry = GEOMETRIES["no_pad"]
    given_arrays = arrays(geometry)
    y, _dx = naive(geometry, **{**given_arrays, "bias": np.zeros(3)})
    plan, found = winograd.Plan(geometry, np.float32), np.zeros_like(given_arrays["dy"])
    scale, shift = np.array([0.5, -2.0, 1.5], np.float32), given_arrays["bias"]
    atol = 1e-5 * np.abs(y).max()
    x, w = given_arrays["x"].reshape(-1), given_arrays["w"].reshape(-1)
    scaled = scale[:, None, None] * y + shift[:, None, None]
    winograd.forward(plan, x, w, shift, found.reshape(-1), scale, 0.25)
    np.testing.assert_allclose(found, np.where(scaled > 0, scaled, 0.25 * scaled), rtol=0, atol=atol)
    winograd.forward(plan, x, w, shift[:0], found.reshape(-1), None, 0.0)
    np.testing.assert_allclose(found, np.maximum(y, 0), rtol=0, atol=atol)
    winograd.forward(plan, x, w, shift[:0], found.reshape(-1))
    np.testing.assert_allclose(found, y, rtol=0, atol=atol)


def test_weight_gradient_is_that_of_a_plain_convolution():
    geometry = GEOMETRIES["no_pad"]
    given_arrays = arrays(geometry)
    x, dy, nothing = given_arrays["x"].reshape(-1), given_arrays["dy"].reshape(-1), np.zeros(0, np.float32)
    found, expected = np.zeros(54, np.float32), np.zeros(54, np.float32)
    winograd.weight_gradient(winograd.Plan(geometry, np.float32), x, dy, found, nothing)
    convolution.weight_gradient(convolution.Plan(geometry, np.float32), x, dy, expected, nothing)
    np.testing.assert_array_equal(found, expected)


def test_same_bits_for_any_number_of_threads():
    before = _jit.set_threads(None)
    for name in ("many_tiles", "few_tiles"):
        results = []
        for threads in (1, 2):
            _jit.set_threads(threads)
            results.append(run(GEOMETRIES[name], **arrays(GEOMETRIES[name])))
        for first, second in zip(*results, strict=True):
            np.testing.assert_array_equal(first, second)
    _jit.set_threads(before)


@pytest.mark.parametrize(
    ("geometry", "dtype", "expected"),
    [
        (Geometry(1, 64, 56, 56, 64, KERNEL, pad=(1, 1)), np.float32, True),
        (Geometry(1, 64, 56, 56, 64, KERNEL, pad=(1, 1)), np.float64, False),
        (Geometry(1, 64, 56, 56, 64, KERNEL, (2, 2), (1, 1)), np.float32, False),
        (Geometry(1, 64, 56, 56, 64, KERNEL, pad=(2, 2), dilation=(2, 2)), np.float32, False),
        (Geometry(1, 64, 56, 56, 64, KERNEL, pad=(1, 1), groups=4), np.float32, False),
        (Geometry(10, 384, 13, 13, 256, KERNEL, pad=(1, 1), groups=2), np.float32, True),
        (Geometry(1, 64, 56, 56, 64, (5, 5), pad=(2, 2)), np.float32, False),
        (Geometry(1, 64, 56, 56, 64, KERNEL, pad=(3, 3)), np.float32, False),
        (Geometry(1, 3, 224, 224, 64, KERNEL, pad=(1, 1)), np.float32, False),
        (Geometry(1, 512, 5, 5, 512, KERNEL, pad=(1, 1)), np.float32, False),
    ],
)
def test_which_geometries_it_is_for(geometry, dtype, expected):
    assert winograd.suits(geometry, np.dtype(dtype)) is expected
    chosen, _plan = convolution_choice.choose(geometry, dtype)
    assert (chosen is winograd) is expected
