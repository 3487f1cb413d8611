from __future__ import annotations

import itertools
from functools import partial

import numpy as np
import pytest

from pycaffelite.testing import Case, ErrorCase, LayerContract, LayerRunner


def deconvolve(bottoms, params, stride=1, pad=0, dilation=1, group=1, axis=1):
    """Return the tops, for any number of spatial axes: each input adds its filter to the padded output."""
    w = params[0]
    outputs = w.shape[1] * group
    tops = []
    for x in bottoms:
        flat = x.reshape(-1, *x.shape[axis:])
        channels, lengths = flat.shape[1], flat.shape[2:]
        sizes = [stride * (n - 1) + dilation * (k - 1) + 1 for n, k in zip(lengths, w.shape[2:], strict=True)]
        y = np.zeros((len(flat), outputs, *sizes))
        share = channels // group
        for c, o, at in itertools.product(
            range(channels), range(w.shape[1]), itertools.product(*map(range, w.shape[2:]))
        ):
            place = tuple(
                np.s_[k * dilation : k * dilation + (n - 1) * stride + 1 : stride]
                for k, n in zip(at, lengths, strict=True)
            )
            y[(np.s_[:], c // share * w.shape[1] + o, *place)] += w[(c, o, *at)] * flat[:, c]
        y = y[(..., *(np.s_[pad : size - pad] for size in sizes))]
        if len(params) > 1:
            y = y + params[1].reshape(-1, *[1] * len(lengths))
        tops.append(y.reshape(*x.shape[:axis], *y.shape[1:]))
    return tops


class TestDeconvolution(LayerContract):
    type_name = "Deconvolution"
    cases = {
        "default": Case("convolution_param { num_output: 4 kernel_size: 3 }", [(2, 3, 4, 5)], oracle=deconvolve),
        "groups": Case(
            "convolution_param { num_output: 6 kernel_size: 3 group: 2 stride: 2 pad: 1 dilation: 2 }",
            [(2, 4, 3, 4)],
            oracle=partial(deconvolve, stride=2, pad=1, dilation=2, group=2),
        ),
        "upsampling": Case(
            "convolution_param { num_output: 3 kernel_size: 4 group: 3 stride: 2 pad: 1 bias_term: false }",
            [(2, 3, 4, 3)],
            oracle=partial(deconvolve, stride=2, pad=1, group=3),
        ),
        "gaps": Case(
            "convolution_param { num_output: 2 kernel_size: 2 stride: 3 }",
            [(1, 2, 3, 3)],
            oracle=partial(deconvolve, stride=3),
        ),
        "two_pairs": Case(
            "convolution_param { num_output: 2 kernel_size: 2 }",
            [(2, 3, 3, 3), (2, 3, 3, 3)],
            oracle=deconvolve,
            tops=2,
        ),
        "later_axis": Case(
            "convolution_param { num_output: 2 kernel_size: 2 axis: -3 }",
            [(2, 2, 3, 3, 2)],
            oracle=partial(deconvolve, axis=2),
        ),
        "one_axis": Case(
            "convolution_param { num_output: 3 kernel_size: 3 stride: 2 pad: 1 }",
            [(2, 2, 5)],
            oracle=partial(deconvolve, stride=2, pad=1),
        ),
        "three_axes": Case(
            "convolution_param { num_output: 2 kernel_size: 2 stride: 2 group: 2 }",
            [(2, 2, 2, 2, 3)],
            oracle=partial(deconvolve, stride=2, group=2),
        ),
        "no_dilation": Case(
            "convolution_param { num_output: 2 kernel_size: 2 dilation: 0 }",
            [(2, 3, 3, 2)],
            oracle=partial(deconvolve, dilation=0),
        ),
    }
    errors = {
        "no_size": ErrorCase(
            "convolution_param { num_output: 3 kernel_size: 1 pad: 2 }",
            message="""
            error: the output has no size
              expected: stride (in - 1) + dilation (kernel - 1) + 1 - 2 pad of at least 1 along every spatial axis
              got:      0 and 1, from a bottom of shape 2x3x4x5

            hint: lower `pad`
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
        "outputs_of_groups": ErrorCase(
            "convolution_param { num_output: 4 kernel_size: 1 group: 3 }",
            message="""
            error: num_output is not divisible by group
              expected: a multiple of group 3
              got:      4
            """,
        ),
    }


@pytest.mark.parametrize(("size", "stride"), [(16, 8), (64, 32)])
def test_it_undoes_a_large_stride(size, stride):
    """The filters of nets for segmentation, which have more taps than the kernels unroll."""
    text = f"""layer {{ name: "a" type: "Deconvolution" bottom: "b" top: "t" convolution_param {{
        num_output: 2 group: 2 kernel_size: {size} stride: {stride} bias_term: false }} }}"""
    runner = LayerRunner(text, [(1, 2, 3, 2)], dtype=np.float32)
    top = runner.forward()[0]
    params = [blob.data.astype(np.float64) for blob in runner.layer.params]
    truth = deconvolve([runner.inputs[0].astype(np.float64)], params, stride=stride, group=2)[0]
    np.testing.assert_allclose(top, truth, rtol=0, atol=1e-5)
