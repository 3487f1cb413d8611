from __future__ import annotations

import itertools
from functools import partial

import numpy as np

from pycaffelite.testing import Case, ErrorCase, LayerContract


def convolve(bottoms, params, stride=(1, 1, 1), pad=(0, 0, 0)):
    """Return the top, place by place of the window."""
    x, w = bottoms[0], params[0]
    padded = np.pad(x, ((0, 0), (0, 0), *((p, p) for p in pad)))
    sizes = [(n - k) // s + 1 for n, k, s in zip(padded.shape[2:], w.shape[2:], stride, strict=True)]
    y = np.zeros((len(x), len(w), *sizes))
    for at in itertools.product(*map(range, w.shape[2:])):
        place = [np.s_[k : k + (n - 1) * s + 1 : s] for k, n, s in zip(at, sizes, stride, strict=True)]
        y += np.einsum("ncdhw,oc->nodhw", padded[(np.s_[:], np.s_[:], *place)], w[(np.s_[:], np.s_[:], *at)])
    return y + params[1].reshape(-1, 1, 1, 1) if len(params) > 1 else y


class TestConvolution3D(LayerContract):
    type_name = "Convolution3D"
    cases = {
        "default": Case(
            "convolution3d_param { num_output: 3 kernel_size: 2 kernel_depth: 3 }",
            [(2, 2, 4, 3, 4)],
            oracle=convolve,
        ),
        "everything": Case(
            """convolution3d_param { num_output: 4 kernel_size: 3 kernel_depth: 2 stride: 2 temporal_stride: 3 pad: 1
            temporal_pad: 2 bias_term: false filter_group: 2 }""",
            [(1, 3, 4, 5, 4)],
            oracle=partial(convolve, stride=(3, 2, 2), pad=(2, 1, 1)),
        ),
    }
    errors = {
        "no_depth": ErrorCase(
            "convolution3d_param { num_output: 3 kernel_size: 2 }",
            [(2, 2, 4, 3, 4)],
            message="""
            error: kernel_depth is missing
              expected: kernel_depth of at least 1
              got:      none
            """,
        ),
        "axes": ErrorCase(
            "convolution3d_param { num_output: 3 kernel_size: 2 kernel_depth: 2 }",
            message="""
            error: Convolution3D needs five axes
              expected: N x C x L x H x W
              got:      bottom of shape 2x3x4x5
            """,
        ),
        "no_stride": ErrorCase(
            "convolution3d_param { num_output: 3 kernel_size: 2 kernel_depth: 2 temporal_stride: 0 }",
            [(2, 2, 4, 3, 4)],
            message="""
            error: temporal_stride is out of range
              expected: temporal_stride of at least 1
              got:      0
            """,
        ),
    }
