from __future__ import annotations

from functools import partial

import numpy as np

from pycaffelite.testing import Case, ErrorCase, LayerContract


def pool(bottoms, params, sizes, kernel, stride=(1, 1, 1), pad=0, mean=False):
    """Reduce windows of the unpadded input; the mean counts padding but nothing beyond it."""
    x = bottoms[0]
    y = np.zeros((*x.shape[:2], *sizes))
    pads = (0, pad, pad)
    for at in np.ndindex(*sizes):
        begin = [o * s - p for o, s, p in zip(at, stride, pads, strict=True)]
        seen = x[(..., *(np.s_[max(0, b) : b + k] for b, k in zip(begin, kernel, strict=True)))]
        ends = [min(b + k, n + p) - b for b, k, n, p in zip(begin, kernel, x.shape[2:], pads, strict=True)]
        values = seen.reshape(*x.shape[:2], -1)
        y[(..., *at)] = values.sum(axis=-1) / np.prod(ends) if mean else values.max(axis=-1)
    return y


class TestPooling3D(LayerContract):
    type_name = "Pooling3D"
    cases = {
        "first_of_c3d": Case(
            "pooling3d_param { pool: MAX kernel_size: 2 kernel_depth: 1 stride: 2 temporal_stride: 1 }",
            [(2, 2, 3, 4, 5)],
            oracle=partial(pool, sizes=(3, 2, 3), kernel=(1, 2, 2), stride=(1, 2, 2)),
        ),
        "overlapping": Case(
            "pooling3d_param { kernel_size: 3 kernel_depth: 2 stride: 2 temporal_stride: 2 }",
            [(1, 2, 5, 6, 4)],
            oracle=partial(pool, sizes=(3, 3, 2), kernel=(2, 3, 3), stride=(2, 2, 2)),
        ),
        "means": Case(
            "pooling3d_param { pool: AVE kernel_size: 3 kernel_depth: 2 stride: 2 pad: 1 }",
            [(1, 2, 3, 6, 5)],
            oracle=partial(pool, sizes=(2, 4, 3), kernel=(2, 3, 3), stride=(1, 2, 2), pad=1, mean=True),
        ),
    }
    errors = {
        "drawn": ErrorCase(
            "pooling3d_param { pool: STOCHASTIC kernel_size: 2 kernel_depth: 2 }",
            [(1, 2, 3, 4, 5)],
            message="""
            error: Pooling3D does not draw
              expected: pool MAX or AVE
              got:      STOCHASTIC
            """,
        ),
        "padded_maximum": ErrorCase(
            "pooling3d_param { kernel_size: 2 kernel_depth: 2 pad: 1 }",
            [(1, 2, 3, 4, 5)],
            message="""
            error: MAX pooling of videos has no padding
              expected: pad 0
              got:      pad 1
            """,
        ),
        "large_pad": ErrorCase(
            "pooling3d_param { pool: AVE kernel_size: 2 kernel_depth: 2 pad: 2 }",
            [(1, 2, 3, 4, 5)],
            message="""
            error: pad is too large
              expected: pad smaller than the kernel, 2
              got:      pad 2
            """,
        ),
        "axes": ErrorCase(
            "pooling3d_param { kernel_size: 2 kernel_depth: 2 }",
            message="""
            error: Pooling3D needs five axes
              expected: N x C x L x H x W
              got:      bottom of shape 2x3x4x5
            """,
        ),
        "empty_window": ErrorCase(
            "pooling3d_param { kernel_size: 1 kernel_depth: 1 temporal_stride: 4 }",
            [(1, 1, 6, 2, 2)],
            message="""
            error: the last window holds no input
              expected: windows of 1 places, 4 apart, that all touch the input along d
              got:      bottom of shape 1x1x6x2x2

            hint: use smaller strides, or larger windows
            """,
        ),
    }
