from __future__ import annotations

from functools import partial

import numpy as np

from pycaffelite.testing import Case, ErrorCase, LayerContract

POSITIVE = np.random.default_rng(6).uniform(0.5, 2, (2, 3, 4, 6))


def pyramid(bottoms, params, levels, mean=False):
    """Return the top, window by window; the mean counts padding but nothing beyond it."""
    x = bottoms[0]
    parts = []
    for level in range(levels):
        count = 2**level
        high, wide = (-(-length // count) for length in x.shape[2:])
        above, left = ((size * count - n + 1) // 2 for size, n in zip((high, wide), x.shape[2:], strict=True))
        values = np.zeros((*x.shape[:2], count, count))
        for i, j in np.ndindex(count, count):
            h, w = i * high - above, j * wide - left
            seen = x[:, :, max(0, h) : h + high, max(0, w) : w + wide]
            places = min(high, x.shape[2] + above - h) * min(wide, x.shape[3] + left - w)
            values[:, :, i, j] = seen.sum(axis=(2, 3)) / places if mean else seen.max(axis=(2, 3))
        parts.append(values)
    return parts[0] if levels == 1 else np.concatenate([part.reshape(len(x), -1) for part in parts], axis=1)


class TestSPP(LayerContract):
    type_name = "SPP"
    cases = {
        "one_level": Case("spp_param { pyramid_height: 1 }", oracle=partial(pyramid, levels=1)),
        "largest": Case("spp_param { pyramid_height: 3 }", [(2, 3, 8, 7)], oracle=partial(pyramid, levels=3)),
        "means": Case(
            "spp_param { pyramid_height: 2 pool: AVE }", [(2, 3, 5, 6)], oracle=partial(pyramid, levels=2, mean=True)
        ),
        "drawn": Case(
            "spp_param { pyramid_height: 2 pool: STOCHASTIC }",
            [POSITIVE],
            gradient_tolerance=1e-5,
            skip_kinks=True,
        ),
        "expected": Case(
            "spp_param { pyramid_height: 1 pool: STOCHASTIC }",
            [POSITIVE],
            phase="TEST",
            oracle=lambda bottoms, params: (
                (bottoms[0] ** 2).sum(axis=(2, 3), keepdims=True) / bottoms[0].sum(axis=(2, 3), keepdims=True)
            ),
        ),
    }
    errors = {
        "no_height": ErrorCase(
            message="""
            error: pyramid_height is missing
              expected: pyramid_height from 1 to 16
              got:      none
            """,
        ),
        "axes": ErrorCase(
            "spp_param { pyramid_height: 1 }",
            [(3, 4)],
            message="""
            error: SPP needs four axes
              expected: N x C x H x W
              got:      bottom of shape 3x4
            """,
        ),
        "drawn_with_padding": ErrorCase(
            "spp_param { pyramid_height: 2 pool: STOCHASTIC }",
            [(1, 2, 5, 4)],
            message="""
            error: STOCHASTIC pooling has no padding
              expected: height and width that 2 divides
              got:      bottom of shape 1x2x5x4
            """,
        ),
        "small": ErrorCase(
            "spp_param { pyramid_height: 3 }",
            [(1, 2, 5, 8)],
            message="""
            error: the image is too small for the pyramid
              expected: sizes that 4 windows of equal size cover with less than a window of padding
              got:      bottom of shape 1x2x5x8

            hint: lower `pyramid_height`
            """,
        ),
    }
