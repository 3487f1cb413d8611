from __future__ import annotations

import itertools
from functools import partial

import numpy as np

from pycaffelite.testing import Case, ErrorCase, LayerContract


def patches(bottoms, params, kernel, stride=1, pad=0, dilation=1, axis=1):
    """Return the top, for any number of spatial axes, place by place of the window."""
    x = bottoms[0]
    flat = x.reshape(-1, *x.shape[axis:])
    padded = np.pad(flat, ((0, 0), (0, 0), *[(pad, pad)] * len(kernel)))
    sizes = [(n - dilation * (k - 1) - 1) // stride + 1 for n, k in zip(padded.shape[2:], kernel, strict=True)]
    y = np.zeros((*flat.shape[:2], int(np.prod(kernel)), *sizes))
    for i, at in enumerate(itertools.product(*map(range, kernel))):
        place = [
            np.s_[k * dilation : k * dilation + (n - 1) * stride + 1 : stride] for k, n in zip(at, sizes, strict=True)
        ]
        y[:, :, i] = padded[(np.s_[:], np.s_[:], *place)]
    return y.reshape(*x.shape[:axis], -1, *sizes)


class TestIm2col(LayerContract):
    type_name = "Im2col"
    cases = {
        "default": Case("convolution_param { kernel_size: 2 }", oracle=partial(patches, kernel=(2, 2))),
        "everything": Case(
            "convolution_param { kernel_h: 2 kernel_w: 3 stride: 2 pad: 1 dilation: 2 }",
            [(2, 3, 6, 7)],
            oracle=partial(patches, kernel=(2, 3), stride=2, pad=1, dilation=2),
        ),
        "wide_padding": Case(
            "convolution_param { kernel_size: 2 pad: 3 stride: 2 }",
            [(1, 2, 2, 1)],
            oracle=partial(patches, kernel=(2, 2), stride=2, pad=3),
        ),
        "one_axis": Case("convolution_param { kernel_size: 3 }", [(2, 3, 7)], oracle=partial(patches, kernel=(3,))),
        "three_axes": Case(
            "convolution_param { kernel_size: 2 pad: 1 force_nd_im2col: true }",
            [(2, 2, 2, 3, 2)],
            oracle=partial(patches, kernel=(2, 2, 2), pad=1),
        ),
        "later_axis": Case(
            "convolution_param { kernel_size: 2 axis: -3 }",
            [(2, 2, 3, 3, 4)],
            oracle=partial(patches, kernel=(2, 2), axis=2),
        ),
    }
    errors = {
        "no_kernel": ErrorCase(
            message="""
            error: kernel_size is missing
              expected: `kernel_size`, or `kernel_h` and `kernel_w`
              got:      none
            """,
        ),
        "no_spatial_axis": ErrorCase(
            "convolution_param { kernel_size: 1 }",
            [(4, 5)],
            message="""
            error: there is no spatial axis
              expected: axes behind axis 1, that of the channels
              got:      bottom of shape 4x5
            """,
        ),
        "large_kernel": ErrorCase(
            "convolution_param { kernel_size: 5 }",
            message="""
            error: kernel does not fit its input
              expected: at least 5 places along every spatial axis, padding included (kernel 5, pad 0)
              got:      bottom of shape 2x3x4x5

            hint: raise `pad`, or use a smaller kernel, or smaller strides in the layers before
            """,
        ),
    }
