from __future__ import annotations

from functools import partial

import numpy as np

from pycaffelite.testing import Case, ErrorCase, LayerContract


def slide_alone(bottoms, params, stride=1, pad=0):
    """Return the responses of each filter to the channel that it sees, window by window."""
    x, w, bias = bottoms[0], params[0], params[1]
    padded = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, w.shape[2:], (2, 3))[:, :, ::stride, ::stride]
    seen = np.repeat(windows, len(w) // x.shape[1], 1)
    return np.einsum("nohwij,oij->nohw", seen, w[:, 0]) + bias.reshape(-1, 1, 1)


class TestDepthwiseConvolution(LayerContract):
    type_name = "DepthwiseConvolution"
    cases = {
        "default": Case(
            "convolution_param { num_output: 3 kernel_size: 3 pad: 1 stride: 2 group: 3 }",
            [(2, 3, 7, 6)],
            oracle=partial(slide_alone, stride=2, pad=1),
        ),
        "two_filters_a_channel": Case(
            "convolution_param { num_output: 4 kernel_size: 2 }", [(2, 2, 4, 5)], oracle=slide_alone
        ),
        "other_groups": Case(
            "convolution_param { num_output: 4 kernel_size: 2 group: 2 }",
            [(2, 4, 3, 3)],
            oracle=lambda bottoms, params: sum(
                slide_alone([bottoms[0][:, c::2]], [params[0][:, [c]], params[1] / 2]) for c in (0, 1)
            ),
        ),
    }
    errors = {
        "outputs": ErrorCase(
            "convolution_param { num_output: 4 kernel_size: 2 }",
            message="""
            error: num_output is not divisible by the channels
              expected: a multiple of 3
              got:      num_output 4
            """,
        ),
    }


class TestConvolutionDepthwise(LayerContract):
    type_name = "ConvolutionDepthwise"
    cases = {
        "default": Case(
            "convolution_param { kernel_size: 3 pad: 1 }", [(2, 3, 5, 6)], oracle=partial(slide_alone, pad=1)
        ),
        "other_counts_do_not_matter": Case(
            "convolution_param { num_output: 7 group: 5 kernel_size: 2 stride: 2 }",
            [(2, 3, 4, 4)],
            oracle=partial(slide_alone, stride=2),
        ),
    }
    errors = {
        "kernel": ErrorCase(
            "convolution_param { num_output: 3 }",
            message="""
            error: kernel_size is missing
              expected: `kernel_size`, or `kernel_h` and `kernel_w`
              got:      none
            """,
        ),
    }
