from __future__ import annotations

from functools import partial

import numpy as np

from pycaffelite.testing import Case, ErrorCase, LayerContract, LayerRunner, layer_text


def closeness(bottoms, params, size, begin=0, end=0):
    """Return the sum over all places of the bottom, each weighted by how close it is to the point asked for."""
    x = bottoms[0][:, :, begin:, begin:]
    x = x[:, :, : x.shape[2] - end, : x.shape[3] - end]
    y = np.zeros((*x.shape[:2], *size))
    for i, j in np.ndindex(*size):
        at = [k * (n - 1) / (m - 1) if m > 1 else 0 for k, n, m in zip((i, j), x.shape[2:], size, strict=True)]
        rows, columns = (np.maximum(0, 1 - abs(np.arange(n) - p)) for n, p in zip(x.shape[2:], at, strict=True))
        y[:, :, i, j] = np.einsum("nchw,h,w->nc", x, rows, columns)
    return y


class TestInterp(LayerContract):
    type_name = "Interp"
    cases = {
        "size": Case("interp_param { height: 7 width: 3 }", [(2, 3, 4, 5)], oracle=partial(closeness, size=(7, 3))),
        "zoom": Case("interp_param { zoom_factor: 3 }", [(1, 2, 3, 4)], oracle=partial(closeness, size=(7, 10))),
        "shrink": Case("interp_param { shrink_factor: 2 }", [(1, 2, 6, 5)], oracle=partial(closeness, size=(3, 3))),
        "shrink_and_zoom": Case(
            "interp_param { shrink_factor: 2 zoom_factor: 3 }", [(1, 1, 6, 3)], oracle=partial(closeness, size=(7, 4))
        ),
        "one_factor_wins": Case(
            "interp_param { zoom_factor: 2 height: 9 width: 9 }", [(1, 1, 3, 2)], oracle=partial(closeness, size=(5, 3))
        ),
        "cut": Case(
            "interp_param { height: 5 width: 6 pad_beg: -1 pad_end: -2 }",
            [(2, 1, 6, 5)],
            oracle=partial(closeness, size=(5, 6), begin=1, end=2),
        ),
        "second_bottom": Case(bottoms=[(2, 3, 2, 3), (1, 1, 4, 4)], oracle=partial(closeness, size=(4, 4))),
        "one_place": Case(
            "interp_param { height: 1 width: 4 }", [(1, 2, 3, 1)], oracle=partial(closeness, size=(1, 4))
        ),
    }
    errors = {
        "no_size": ErrorCase(
            "interp_param { height: 3 }",
            message="""
            error: there is no size
              expected: height and width, zoom_factor, shrink_factor or a second bottom
              got:      none
            """,
        ),
        "two_sizes": ErrorCase(
            "interp_param { zoom_factor: 3 }",
            bottoms=[(1, 1, 2, 2), (1, 1, 2, 2)],
            message="""
            error: the second bottom is the size
              expected: no size in the fields
              got:      `zoom_factor`
            """,
        ),
        "factor": ErrorCase(
            "interp_param { zoom_factor: 0 }",
            message="""
            error: zoom_factor is out of range
              expected: at least 1
              got:      0
            """,
        ),
        "pad": ErrorCase(
            "interp_param { zoom_factor: 2 pad_end: 1 }",
            message="""
            error: pad_end is out of range
              expected: at most 0
              got:      1
            """,
        ),
        "all_cut": ErrorCase(
            "interp_param { zoom_factor: 2 pad_end: -4 }",
            message="""
            error: nothing is left to resize
              expected: at least 1 row and 1 column inside the pads
              got:      bottom of shape 2x3x4x5
            """,
        ),
        "axes": ErrorCase(
            "interp_param { zoom_factor: 2 }",
            bottoms=[(2, 3)],
            message="""
            error: Interp needs four axes
              expected: N x C x H x W
              got:      bottom of shape 2x3
            """,
        ),
    }


def test_corners_stay_in_the_corners():
    runner = LayerRunner(
        layer_text("Interp", "interp_param { height: 33 width: 47 }"), [(1, 1, 5, 6)], dtype=np.float32
    )
    x, y = runner.inputs[0], runner.forward()[0]
    for corner in ((0, 0), (0, -1), (-1, 0), (-1, -1)):
        assert y[0, 0][corner] == x[0, 0][corner]
