from __future__ import annotations

import numpy as np

from pycaffelite.testing import Case, ErrorCase, LayerContract


def to_pieces(bottoms, params):
    x, s = bottoms[0], 2
    n, c, h, w = x.shape
    y = np.empty((n, c // s**2, h * s, w * s))
    for k in range(c // s**2):
        for i in range(s):
            for j in range(s):
                y[:, k, i::s, j::s] = x[:, (i * s + j) * (c // s**2) + k]
    return y


def to_channels(bottoms, params):
    """Number by number: memory is read and written in other shapes than those of the blobs."""
    x, s = bottoms[0], 2
    n, c, h, w = x.shape
    seen, y = x.reshape(n, c // s**2, h * s, w * s), np.empty((n, c, h, w))
    for k in range(c):
        piece, channel = divmod(k, c // s**2)
        for i in range(h):
            for j in range(w):
                y[:, k, i, j] = seen[:, channel, i * s + piece // s, j * s + piece % s]
    return y.reshape(n, c * s**2, h // s, w // s)


class TestReorg(LayerContract):
    type_name = "Reorg"
    cases = {
        "of_yolo": Case("reorg_param { stride: 2 }", [(2, 8, 4, 6)], oracle=to_channels),
        "reverse": Case("reorg_param { stride: 2 reverse: true }", [(2, 8, 3, 5)], oracle=to_pieces, phase="TEST"),
        "stride_1": Case("reorg_param { stride: 1 }", [(2, 3, 4, 5)], oracle=lambda bottoms, params: bottoms[0]),
    }
    errors = {
        "no_stride": ErrorCase(
            message="""
            error: stride is missing or 0
              expected: stride of at least 1
              got:      0
            """,
        ),
        "channels": ErrorCase(
            "reorg_param { stride: 2 reverse: true }",
            [(2, 6, 4, 4)],
            message="""
            error: the stride does not fit the image
              expected: N x C x H x W, C divided by 4
              got:      bottom of shape 2x6x4x4
            """,
        ),
        "height": ErrorCase(
            "reorg_param { stride: 2 }",
            [(2, 8, 5, 4)],
            message="""
            error: the stride does not fit the image
              expected: N x C x H x W, C divided by 4, H and W by 2
              got:      bottom of shape 2x8x5x4
            """,
        ),
    }
