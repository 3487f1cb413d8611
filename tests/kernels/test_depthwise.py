from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from pycaffelite.kernels import _jit, convolution, convolution_choice, depthwise
from pycaffelite.kernels.convolution_plan import Geometry

GEOMETRIES = {
    "same_size": Geometry(2, 3, 9, 17, 3, (3, 3), pad=(1, 1), groups=3),
    "stride_two": Geometry(2, 3, 9, 20, 3, (3, 3), (2, 2), (1, 1), groups=3),
    "two_filters_a_channel": Geometry(2, 2, 5, 7, 4, (3, 3), (2, 1), (1, 0), groups=2),
    "all_different": Geometry(1, 2, 12, 11, 2, (2, 3), (2, 3), (1, 2), (3, 2), 2),
    "pad_beyond_kernel": Geometry(1, 2, 3, 3, 2, (3, 3), pad=(4, 3), groups=2),
    "one_output": Geometry(2, 2, 5, 5, 2, (5, 5), groups=2),
    "one_row": Geometry(1, 2, 1, 40, 2, (1, 3), pad=(0, 1), groups=2),
}


def arrays(geometry, dtype):
    rng = np.random.default_rng(3)
    shapes = {
        "x": (geometry.images, geometry.channels, geometry.height, geometry.width),
        "w": (geometry.outputs, 1, *geometry.kernel),
        "bias": (geometry.outputs,),
        "dy": (geometry.images, geometry.outputs, *geometry.output_size),
    }
    return {name: rng.standard_normal(shape).astype(dtype) for name, shape in shapes.items()}


def naive(geometry, x, w, bias, dy):
    """Return y, dw, dbias and dx, tap by tap."""
    (kh, kw), (sh, sw), (ph, pw), (dh, dw_) = geometry.kernel, geometry.stride, geometry.pad, geometry.dilation
    oh, ow = geometry.output_size
    repeat = geometry.outputs // geometry.groups
    padded = np.repeat(np.pad(x.astype(np.float64), ((0, 0), (0, 0), (ph, ph), (pw, pw))), repeat, axis=1)
    y, d_padded, dw = np.zeros(dy.shape), np.zeros(padded.shape), np.zeros(w.shape)
    for i in range(kh):
        for j in range(kw):
            place = np.s_[:, :, i * dh : i * dh + sh * (oh - 1) + 1 : sh, j * dw_ : j * dw_ + sw * (ow - 1) + 1 : sw]
            y += w[:, 0, i, j, None, None] * padded[place]
            d_padded[place] += w[:, 0, i, j, None, None] * dy
            dw[:, 0, i, j] = (dy * padded[place]).sum(axis=(0, 2, 3))
    inside = d_padded[:, :, ph : ph + geometry.height, pw : pw + geometry.width]
    dx = inside.reshape(len(x), geometry.channels, repeat, *x.shape[2:]).sum(axis=2)
    return y + bias[:, None, None], dw, dy.sum(axis=(0, 2, 3)), dx


def run(geometry, x, w, bias, dy):
    """Return what the kernels give; gradients of parameters start from 1."""
    plan = depthwise.Plan(geometry, x.dtype)
    guard = 64  # elements behind the arrays that nothing may write to
    y, dx = (np.full(array.size + guard, np.nan, array.dtype) for array in (dy, x))
    dw, dbias = np.ones_like(w), np.ones_like(bias)
    depthwise.forward(plan, x.reshape(-1), w.reshape(-1), bias, y[: dy.size])
    depthwise.weight_gradient(plan, x.reshape(-1), dy.reshape(-1), dw.reshape(-1), dbias)
    depthwise.data_gradient(plan, w.reshape(-1), dy.reshape(-1), dx[: x.size])
    assert np.isnan(y[dy.size :]).all()
    assert np.isnan(dx[x.size :]).all()
    return y[: dy.size].reshape(dy.shape), dw, dbias, dx[: x.size].reshape(x.shape)


def check(geometry, dtype=np.float64, tolerance=1e-12):
    given_arrays = arrays(geometry, dtype)
    y, dw, dbias, dx = naive(geometry, **given_arrays)
    for name, got, expected in zip(
        ("y", "dw", "dbias", "dx"), run(geometry, **given_arrays), (y, dw + 1, dbias + 1, dx), strict=True
    ):
        np.testing.assert_allclose(got, expected, rtol=0, atol=tolerance * np.abs(expected).max(), err_msg=name)


@pytest.mark.parametrize("name", GEOMETRIES)
def test_all_sums(name):
    check(GEOMETRIES[name])


def test_float32():
    check(GEOMETRIES["same_size"], np.float32, 1e-6)
    check(GEOMETRIES["stride_two"], np.float32, 1e-6)


@settings(max_examples=20, deadline=None)
@given(
    images=st.integers(1, 2),
    channels=st.integers(2, 3),
    filters=st.integers(1, 2),
    height=st.integers(1, 9),
    width=st.integers(1, 20),
    stride=st.tuples(st.integers(1, 2), st.integers(1, 3)),
    pad=st.tuples(st.integers(0, 3), st.integers(0, 3)),
    dilation=st.tuples(st.integers(1, 2), st.integers(1, 3)),
)
def test_any_geometry(images, channels, filters, height, width, stride, pad, dilation):
    geometry = Geometry(
        images, channels, height, width, channels * filters, (3, 3), stride, pad, dilation, groups=channels
    )
    assume(min(n + 2 * p - 2 * d for n, p, d in zip((height, width), pad, dilation)) > 0)  # noqa: B905
    check(geometry)


def test_scale_shift_and_rectifier():
    geometry = GEOMETRIES["stride_two"]
    given_arrays = arrays(geometry, np.float64)
    y, *_ = naive(geometry, **{**given_arrays, "bias": np.zeros(3)})
    plan, found = depthwise.Plan(geometry, np.float64), np.zeros_like(given_arrays["dy"])
    scale, shift = np.array([0.5, -2.0, 1.5]), given_arrays["bias"]
    x, w = given_arrays["x"].reshape(-1), given_arrays["w"].reshape(-1)
    scaled = scale[:, None, None] * y + shift[:, None, None]
    depthwise.forward(plan, x, w, shift, found.reshape(-1), scale, 0.25)
    np.testing.assert_allclose(found, np.where(scaled > 0, scaled, 0.25 * scaled), atol=1e-12)
    depthwise.forward(plan, x, w, shift[:0], found.reshape(-1), None, 0.0)
    np.testing.assert_allclose(found, np.maximum(y, 0), atol=1e-12)
    depthwise.forward(plan, x, w, shift[:0], found.reshape(-1))
    np.testing.assert_allclose(found, y, atol=1e-12)


def test_what_is_not_wanted_is_left_alone():
    geometry = GEOMETRIES["same_size"]
    given_arrays = arrays(geometry, np.float64)
    x, w, dy = (given_arrays[name].reshape(-1) for name in ("x", "w", "dy"))
    _y, dw, dbias, _dx = naive(geometry, **given_arrays)
    plan, nothing = depthwise.Plan(geometry, np.float64), np.zeros(0)
    only_weights, only_bias = np.zeros_like(w), np.zeros(3)
    depthwise.weight_gradient(plan, x, dy, only_weights, nothing)
    depthwise.weight_gradient(plan, x, dy, nothing, only_bias)
    np.testing.assert_allclose(only_weights, dw.reshape(-1), atol=1e-12)
    np.testing.assert_allclose(only_bias, dbias, atol=1e-12)


def test_same_bits_for_any_number_of_threads():
    before = _jit.set_threads(None)
    results = []
    for threads in (1, 2):
        _jit.set_threads(threads)
        results.append(run(GEOMETRIES["same_size"], **arrays(GEOMETRIES["same_size"], np.float32)))
    _jit.set_threads(before)
    for first, second in zip(*results, strict=True):
        np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize(
    ("geometry", "expected"),
    [
        (GEOMETRIES["two_filters_a_channel"], True),
        (Geometry(64, 1, 28, 28, 20, (5, 5)), False),  # one channel of one group is no depthwise convolution
        (Geometry(1, 4, 8, 8, 4, (3, 3), groups=2), False),
        (Geometry(1, 4, 8, 8, 4, (1, 1), groups=4), False),
        (Geometry(1, 4, 8, 8, 4, (8, 8), groups=4), False),
    ],
)
def test_which_geometries_it_is_for(geometry, expected):
    assert depthwise.suits(geometry, np.dtype(np.float32)) is expected
    chosen, _plan = convolution_choice.choose(geometry, np.float32)
    assert chosen is (depthwise if expected else convolution)
