from __future__ import annotations

import itertools
from functools import partial

import numpy as np

from pycaffelite.kernels import winograd
from pycaffelite.testing import Case, ErrorCase, LayerContract, LayerRunner


def convolve(bottoms, params, stride=1, pad=0, dilation=1, group=1, axis=1):
    """Return the tops, for any number of spatial axes, with equal strides, pads and dilations."""
    w = params[0]
    tops = []
    for x in bottoms:
        flat = x.reshape(-1, *x.shape[axis:])
        spatial = flat.ndim - 2
        padded = np.pad(flat, ((0, 0), (0, 0), *[(pad, pad)] * spatial))
        sizes = [(n - dilation * (k - 1) - 1) // stride + 1 for n, k in zip(padded.shape[2:], w.shape[2:], strict=True)]
        y = np.zeros((len(flat), len(w), *sizes))
        share_in, share_out = flat.shape[1] // group, len(w) // group
        for o, at in itertools.product(range(len(w)), itertools.product(*map(range, w.shape[2:]))):
            place = [np.s_[k * dilation : k * dilation + (n - 1) * stride + 1 : stride] for k, n in zip(at, sizes)]  # noqa: B905
            first = o // share_out * share_in
            seen = padded[(np.s_[:], np.s_[first : first + share_in], *place)]
            y[:, o] += np.einsum("nc...,c->n...", seen, w[(o, np.s_[:], *at)])
        if len(params) > 1:
            y += params[1].reshape(-1, *[1] * spatial)
        tops.append(y.reshape(*x.shape[:axis], *y.shape[1:]))
    return tops


class TestConvolution(LayerContract):
    type_name = "Convolution"
    cases = {
        "default": Case("convolution_param { num_output: 4 kernel_size: 3 }", [(2, 3, 7, 6)], oracle=convolve),
        "no_bias": Case(
            "convolution_param { num_output: 2 kernel_size: 2 bias_term: false }", [(2, 3, 5, 4)], oracle=convolve
        ),
        "groups": Case(
            "convolution_param { num_output: 4 kernel_size: 3 group: 2 stride: 2 pad: 1 dilation: 2 }",
            [(2, 6, 8, 7)],
            oracle=partial(convolve, stride=2, pad=1, dilation=2, group=2),
        ),
        "depthwise": Case(
            "convolution_param { num_output: 3 kernel_size: 3 group: 3 stride: 2 pad: 1 }",
            [(2, 3, 7, 8)],
            oracle=partial(convolve, stride=2, pad=1, group=3),
        ),
        "depthwise_two_filters": Case(
            "convolution_param { num_output: 4 kernel_size: 2 group: 2 }",
            [(2, 2, 4, 5)],
            oracle=partial(convolve, group=2),
        ),
        "oblong": Case("convolution_param { num_output: 2 kernel_h: 2 kernel_w: 3 }", [(1, 2, 5, 6)], oracle=convolve),
        "two_pairs": Case(
            "convolution_param { num_output: 2 kernel_size: 2 }", [(2, 3, 4, 4), (2, 3, 4, 4)], oracle=convolve, tops=2
        ),
        "later_axis": Case(
            "convolution_param { num_output: 2 kernel_size: 2 axis: -3 }",
            [(2, 2, 3, 4, 5)],
            oracle=partial(convolve, axis=2),
        ),
        "no_dilation": Case(
            "convolution_param { num_output: 2 kernel_size: 2 dilation: 0 stride: 2 }",
            [(2, 3, 3, 2)],
            oracle=partial(convolve, dilation=0, stride=2),
        ),
        "too_large_by_less_than_a_stride": Case(
            "convolution_param { num_output: 2 kernel_size: 4 stride: 3 pad: 1 }",
            [(2, 3, 1, 5)],
            oracle=lambda bottoms, params: convolve(
                [np.pad(bottoms[0], ((0, 0), (0, 0), (0, 1), (0, 0)))], params, stride=3, pad=1
            ),
        ),
        "no_spatial_axis": Case("convolution_param { num_output: 3 }", [(4, 5)], oracle=convolve),
        "one_axis": Case(
            "convolution_param { num_output: 3 kernel_size: 3 stride: 2 pad: 1 }",
            [(2, 2, 9)],
            oracle=partial(convolve, stride=2, pad=1),
        ),
        "three_axes": Case(
            "convolution_param { num_output: 2 kernel_size: 2 pad: 1 group: 2 }",
            [(2, 2, 3, 2, 3)],
            oracle=partial(convolve, pad=1, group=2),
        ),
    }
    errors = {
        "no_output": ErrorCase(
            "convolution_param { kernel_size: 3 }",
            message="""
            error: num_output is missing
              expected: num_output from 1 to 2147483647
              got:      none

            hint: write `convolution_param { num_output: 20 }`
            """,
        ),
        "absurd_output": ErrorCase(
            "convolution_param { kernel_size: 3 num_output: 2147483648 }",
            message="""
            error: num_output is out of range
              expected: num_output from 1 to 2147483647
              got:      2147483648
            """,
        ),
        "no_kernel": ErrorCase(
            "convolution_param { num_output: 3 }",
            message="""
            error: kernel_size is missing
              expected: `kernel_size`, or `kernel_h` and `kernel_w`
              got:      none
            """,
        ),
        "two_forms": ErrorCase(
            "convolution_param { num_output: 3 kernel_size: 3 kernel_h: 3 kernel_w: 3 }",
            message="""
            error: kernel is given twice
              expected: `kernel_size`, or `kernel_h` and `kernel_w`
              got:      both forms
            """,
        ),
        "no_stride": ErrorCase(
            "convolution_param { num_output: 3 kernel_size: 3 stride: 0 }",
            message="""
            error: stride is out of range
              expected: stride of at least 1
              got:      0
            """,
        ),
        "too_many_values": ErrorCase(
            "convolution_param { num_output: 3 kernel_size: 3 pad: 0 pad: 1 pad: 2 }",
            message="""
            error: pad does not fit the number of spatial axes
              expected: 1 value, or one for each of the 2 spatial axes
              got:      3 values
            """,
        ),
        "large_kernel": ErrorCase(
            "convolution_param { num_output: 3 kernel_size: 5 dilation: 2 pad: 1 }",
            [(1, 2, 12, 6)],
            message="""
            error: kernel does not fit its input
              expected: at least 9 places along every spatial axis, padding included (kernel 5, dilation 2, pad 1)
              got:      bottom of shape 1x2x12x6

            hint: raise `pad`, or use a smaller kernel, or smaller strides in the layers before
            """,
        ),
        "outputs_of_groups": ErrorCase(
            "convolution_param { num_output: 3 kernel_size: 1 group: 2 }",
            message="""
            error: num_output is not divisible by group
              expected: a multiple of group 2
              got:      3
            """,
        ),
        "no_group": ErrorCase(
            "convolution_param { num_output: 3 kernel_size: 1 group: 0 }",
            message="""
            error: group is out of range
              expected: group of at least 1
              got:      0
            """,
        ),
        "channels_of_groups": ErrorCase(
            "convolution_param { num_output: 4 kernel_size: 1 group: 2 }",
            message="""
            error: channels are not divisible by group
              expected: a multiple of group 2 as axis 1
              got:      bottom of shape 2x3x4x5
            """,
        ),
        "different_bottoms": ErrorCase(
            "convolution_param { num_output: 4 kernel_size: 1 }",
            [(2, 3, 4, 5), (2, 3, 4, 4)],
            tops=2,
            message="""
            error: bottoms differ in shape
              expected: all of shape 2x3x4x5
              got:      2x3x4x4
            """,
        ),
    }


def test_values_for_each_axis():
    text = """layer { name: "a" type: "Convolution" bottom: "b" top: "t" convolution_param {
        num_output: 2 kernel_size: 2 kernel_size: 3 stride: 2 stride: 1 pad: 1 pad: 0 } }"""
    runner = LayerRunner(text, [(1, 2, 6, 8)])
    assert runner.layer.params[0].shape == (2, 2, 2, 3)
    assert runner.top[0].shape == (1, 2, 4, 6)


def test_diffs_of_pairs_add_up():
    text = """layer { name: "a" type: "Convolution" bottom: "b" bottom: "c" top: "t" top: "u" convolution_param {
        num_output: 2 kernel_size: 2 } }"""
    x = np.random.default_rng(5).standard_normal((1, 2, 3, 4))
    runner = LayerRunner(text, [x, x])
    runner.forward()
    runner.backward([runner.top[0].data.copy(), np.zeros_like(runner.top[0].data)])
    once = runner.layer.params[0].diff.copy()
    runner.clear_params()
    runner.backward([runner.top[0].data.copy(), runner.top[0].data.copy()])
    np.testing.assert_allclose(runner.layer.params[0].diff, 2 * once)


def test_three_by_three_in_float32():
    """In float32 other kernels run than in double, which the contract tests."""
    text = """layer { name: "a" type: "Convolution" bottom: "b" top: "t" convolution_param {
        num_output: 64 kernel_size: 3 pad: 1 weight_filler { type: "xavier" } } }"""
    shape = (1, 32, 27, 26)
    single, double = (LayerRunner(text, [shape], dtype=dtype) for dtype in (np.float32, np.float64))
    assert single.layer.products is winograd
    for runner in (single, double):
        runner.forward()
        runner.backward()
    for got, expected in (
        (single.top[0].data, double.top[0].data),
        (single.bottom[0].diff, double.bottom[0].diff),
        (single.layer.params[0].diff, double.layer.params[0].diff),
    ):
        np.testing.assert_allclose(got, expected, rtol=0, atol=1e-5 * np.abs(expected).max())
