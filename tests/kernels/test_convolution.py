from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from pycaffelite.kernels import _jit, convolution, convolution_nd
from pycaffelite.kernels.convolution_plan import Geometry

GEOMETRIES = {
    "plain": Geometry(2, 3, 7, 6, 4, (3, 3)),
    "all_different": Geometry(3, 4, 7, 9, 6, (3, 2), (2, 1), (1, 2), (1, 2), 2),
    "pad_as_large_as_kernel": Geometry(1, 2, 3, 3, 2, (3, 3), pad=(3, 3)),
    "one_by_one": Geometry(2, 5, 4, 9, 7, (1, 1)),
    "one_by_one_large": Geometry(2, 20, 7, 11, 18, (1, 1), groups=2),
    "weights_apart_by_pages": Geometry(1, 512, 3, 5, 3, (1, 1)),
    "many_channels": Geometry(2, 64, 5, 6, 5, (3, 2), pad=(2, 1), dilation=(1, 2)),
    "one_by_one_many_channels": Geometry(1, 130, 5, 7, 16, (1, 1), groups=2),
    "one_by_one_stride": Geometry(2, 5, 9, 9, 7, (1, 1), (2, 2)),
    "stride_over_dilation": Geometry(2, 3, 12, 9, 4, (3, 3), (3, 2), (4, 0), (2, 3)),
    "depthwise": Geometry(2, 6, 5, 17, 6, (3, 3), pad=(1, 1), groups=6),
    "odd_channels": Geometry(2, 7, 5, 5, 9, (2, 2)),
    "many_images": Geometry(19, 1, 8, 8, 20, (5, 5)),
    "wide": Geometry(1, 2, 3, 70, 3, (2, 3), pad=(0, 1)),
}


def patches(x, geometry):
    """Return the input under every kernel position, (N, C, KH, KW, OH, OW), and what adds such arrays back."""
    (kh, kw), (sh, sw), (ph, pw), (dh, dw) = geometry.kernel, geometry.stride, geometry.pad, geometry.dilation
    oh, ow = geometry.output_size
    padded = np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)))
    places = {
        (i, j): np.s_[:, :, i * dh : i * dh + sh * (oh - 1) + 1 : sh, j * dw : j * dw + sw * (ow - 1) + 1 : sw]
        for i in range(kh)
        for j in range(kw)
    }
    columns = np.zeros((*x.shape[:2], kh, kw, oh, ow))
    for (i, j), place in places.items():
        columns[:, :, i, j] = padded[place]

    def add_back(diffs):
        total = np.zeros(padded.shape)
        for (i, j), place in places.items():
            total[place] += diffs[:, :, i, j]
        return total[:, :, ph : ph + geometry.height, pw : pw + geometry.width]

    return columns, add_back


def arrays(geometry, dtype):
    rng = np.random.default_rng(3)
    per_group = geometry.channels // geometry.groups
    shapes = {
        "x": (geometry.images, geometry.channels, geometry.height, geometry.width),
        "w": (geometry.outputs, per_group, *geometry.kernel),
        "bias": (geometry.outputs,),
        "dy": (geometry.images, geometry.outputs, *geometry.output_size),
    }
    return {name: rng.standard_normal(shape).astype(dtype) for name, shape in shapes.items()}


def naive(geometry, x, w, bias, dy):
    """Return y, dw, dbias and dx."""
    columns, add_back = patches(x, geometry)
    n, groups, pixels = geometry.images, geometry.groups, dy.shape[2] * dy.shape[3]
    matrix, grouped = w.reshape(groups, geometry.outputs // groups, -1), dy.reshape(n, groups, -1, pixels)
    rows = columns.reshape(n, groups, -1, pixels)
    y = np.einsum("gok,ngkp->ngop", matrix, rows).reshape(dy.shape) + bias[:, None, None]
    dw = np.einsum("ngop,ngkp->gok", grouped, rows).reshape(w.shape)
    dx = add_back(np.einsum("gok,ngop->ngkp", matrix, grouped).reshape(columns.shape))
    return y, dw, dy.sum(axis=(0, 2, 3)), dx


def run(geometry, x, w, bias, dy):
    """Return what the kernels give; gradients of parameters start from 1."""
    plan = convolution.Plan(geometry, x.dtype)
    y, dx = np.full_like(dy, np.nan), np.full_like(x, np.nan)
    dw, dbias = np.ones_like(w), np.ones_like(bias)
    convolution.forward(plan, x.reshape(-1), w.reshape(-1), bias, y.reshape(-1))
    convolution.weight_gradient(plan, x.reshape(-1), dy.reshape(-1), dw.reshape(-1), dbias)
    convolution.data_gradient(plan, w.reshape(-1), dy.reshape(-1), dx.reshape(-1))
    return y, dw, dbias, dx


def check(geometry, dtype=np.float64, tolerance=1e-12):
    given_arrays = arrays(geometry, dtype)
    y, dw, dbias, dx = naive(geometry, **given_arrays)
    for name, got, expected in zip(
        ("y", "dw", "dbias", "dx"), run(geometry, **given_arrays), (y, dw + 1, dbias + 1, dx), strict=True
    ):
        np.testing.assert_allclose(got, expected, rtol=0, atol=tolerance * np.abs(expected).max(), err_msg=name)


@pytest.mark.parametrize("name", GEOMETRIES)
def test_all_products(name):
    check(GEOMETRIES[name])


def test_float32():
    check(GEOMETRIES["all_different"], np.float32, 1e-5)
    check(GEOMETRIES["many_images"], np.float32, 1e-5)


def test_more_than_one_block(monkeypatch):
    monkeypatch.setattr("pycaffelite.kernels.convolution_plan._L2_BYTES", 1024)
    monkeypatch.setattr("pycaffelite.kernels.convolution_plan._L1_BYTES", 512)
    monkeypatch.setattr("pycaffelite.kernels.convolution_forward._DEPTH", 6)
    monkeypatch.setattr("pycaffelite.kernels.convolution_forward._PIXELS_BYTES", 1024)
    for name in ("plain", "all_different", "stride_over_dilation", "wide", "one_by_one", "one_by_one_large"):
        check(GEOMETRIES[name])


sizes = st.tuples(st.integers(1, 3), st.integers(1, 3))


@settings(max_examples=40, deadline=None)
@given(
    images=st.integers(1, 3),
    channels=st.integers(1, 4),
    outputs=st.integers(1, 4),
    height=st.integers(1, 9),
    width=st.integers(1, 12),
    kernel=sizes,
    stride=sizes,
    pad=st.tuples(st.integers(0, 3), st.integers(0, 3)),
    dilation=sizes,
    groups=st.integers(1, 2),
)
def test_any_geometry(images, channels, outputs, height, width, kernel, stride, pad, dilation, groups):
    geometry = Geometry(
        images, channels * groups, height, width, outputs * groups, kernel, stride, pad, dilation, groups
    )
    assume(min(length + 2 * p - d * (k - 1) for length, p, d, k in zip((height, width), pad, dilation, kernel)) > 0)  # noqa: B905
    check(geometry)


def test_endings():
    """A scale, a shift and a slope give what separate passes give; a NaN stays."""
    geometry = GEOMETRIES["all_different"]
    given_arrays = arrays(geometry, np.float64)
    x, w, shift, scale = (given_arrays[name].reshape(-1) for name in ("x", "w", "bias", "bias"))
    x[0] = np.nan
    plan, nothing = convolution.Plan(geometry, np.float64), np.zeros(0)
    plain, biased, y = (np.zeros_like(given_arrays["dy"]) for _ in range(3))
    convolution.forward(plan, x, w, nothing, plain.reshape(-1))
    convolution.forward(plan, x, w, shift, biased.reshape(-1))
    assert np.isnan(plain).any()
    column = scale[:, None, None]
    for scales, shifts, expected in (
        (nothing, nothing, plain),
        (nothing, shift, biased),
        (scale, nothing, column * plain),
        (scale, shift, column * plain + shift[:, None, None]),
    ):
        for slope in (None, 0.0, 0.25):
            convolution.forward(plan, x, w, shifts, y.reshape(-1), scales, slope)
            ended = expected if slope is None else np.where(expected > 0, expected, slope * expected)
            np.testing.assert_allclose(y, ended, atol=0 if scales is nothing else 1e-12)


def test_endings_after_more_than_one_block(monkeypatch):
    monkeypatch.setattr("pycaffelite.kernels.convolution_forward._DEPTH", 6)
    monkeypatch.setattr("pycaffelite.kernels.convolution_forward._PIXELS_BYTES", 1024)
    test_endings()


def test_what_is_not_wanted_is_not_computed():
    geometry = GEOMETRIES["plain"]
    given_arrays = arrays(geometry, np.float64)
    x, w, dy = (given_arrays[name].reshape(-1) for name in ("x", "w", "dy"))
    plan = convolution.Plan(geometry, np.float64)
    y, nothing = np.zeros_like(dy), np.zeros(0)
    convolution.forward(plan, x, w, nothing, y)
    expected, dw, dbias, _dx = naive(geometry, **{**given_arrays, "bias": np.zeros(4)})
    np.testing.assert_allclose(y, expected.reshape(-1), atol=1e-12)
    only_weights, only_bias = np.zeros_like(w), np.zeros(4)
    convolution.weight_gradient(plan, x, dy, only_weights, nothing)
    convolution.weight_gradient(plan, x, dy, nothing, only_bias)
    np.testing.assert_allclose(only_weights, dw.reshape(-1), atol=1e-12)
    np.testing.assert_allclose(only_bias, dbias, atol=1e-12)


def test_same_bits_for_any_number_of_threads():
    results = []
    before = _jit.set_threads(None)
    for threads in (1, 2):
        _jit.set_threads(threads)
        results.append(run(GEOMETRIES["many_images"], **arrays(GEOMETRIES["many_images"], np.float32)))
    _jit.set_threads(before)
    for first, second in zip(*results, strict=True):
        np.testing.assert_array_equal(first, second)


def test_any_number_of_axes_agrees_with_two():
    geometry = GEOMETRIES["all_different"]
    given_arrays = arrays(geometry, np.float64)
    x, w, bias, dy = (given_arrays[name] for name in ("x", "w", "bias", "dy"))
    lengths, sizes_out = (geometry.height, geometry.width), geometry.output_size
    axes = list(zip(lengths, sizes_out, geometry.kernel, geometry.stride, geometry.pad, geometry.dilation, strict=True))
    plan = convolution_nd.make_nd_plan(geometry.images, geometry.channels, geometry.outputs, axes, 2, np.float64)
    y, dx, dw, dbias = np.zeros_like(dy), np.zeros_like(x), np.ones_like(w), np.ones_like(bias)
    convolution_nd.forward(plan, x.reshape(-1), w.reshape(-1), bias, y.reshape(-1))
    convolution_nd.weight_gradient(plan, x.reshape(-1), dy.reshape(-1), dw.reshape(-1), dbias)
    convolution_nd.data_gradient(plan, w.reshape(-1), dy.reshape(-1), dx.reshape(-1))
    for got, expected in zip((y, dw, dbias, dx), run(geometry, **given_arrays), strict=True):
        np.testing.assert_allclose(got, expected, rtol=0, atol=1e-12)
