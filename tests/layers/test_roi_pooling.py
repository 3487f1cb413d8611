from __future__ import annotations

import math

import numpy as np

from pycaffelite.testing import Case, ErrorCase, LayerContract

REGIONS = np.array(
    [
        [0, 0, 0, 63, 47],  # the whole image
        [1, 8, 24, 40, 40],  # 0.5, 1.5, 2.5 after scaling: halves
        [0, 33, 17, 33, 17],  # one pixel
        [1, 40, 30, 20, 10],  # the wrong way round
        [1, -30, -20, 30, 90],  # beyond the image
        [0, 100, 100, 130, 120],  # outside
    ]
)


def half_up(value):
    return math.copysign(math.floor(abs(value) + 0.5), value)


def grid_of_maxima(rows, columns, scale):
    def oracle(bottoms, params):
        x, regions = bottoms
        y = np.zeros((len(regions), x.shape[1], rows, columns))
        for r, (n, *box) in enumerate(regions.reshape(-1, 5)):
            left, top, right, bottom = (half_up(edge * scale) for edge in box)
            high, wide = max(bottom - top + 1, 1) / rows, max(right - left + 1, 1) / columns
            for p in range(rows):
                for q in range(columns):
                    hs = [h for h in range(x.shape[2]) if math.floor(p * high) <= h - top < math.ceil((p + 1) * high)]
                    ws = [w for w in range(x.shape[3]) if math.floor(q * wide) <= w - left < math.ceil((q + 1) * wide)]
                    if hs and ws:
                        y[r, :, p, q] = x[int(n)][:, hs][:, :, ws].max((1, 2))
        return y

    return oracle


def grid(rows, columns, scale=None):
    text = f"pooled_h: {rows} pooled_w: {columns}" + ("" if scale is None else f" spatial_scale: {scale}")
    return f"roi_pooling_param {{ {text} }}"


class TestROIPooling(LayerContract):
    type_name = "ROIPooling"
    cases = {
        "of_a_sixteenth": Case(grid(2, 3, 0.0625), [(2, 3, 3, 4), REGIONS], oracle=grid_of_maxima(2, 3, 1 / 16)),
        "of_an_eighth": Case(grid(3, 2, 0.125), [(2, 9, 6, 8), REGIONS], oracle=grid_of_maxima(3, 2, 1 / 8)),
        "pixels": Case(grid(2, 2), [(1, 1, 5, 6), REGIONS[:1] / 16], phase="TEST", oracle=grid_of_maxima(2, 2, 1)),
        "four_axes": Case(
            grid(1, 1, 0.0625), [(2, 2, 3, 4), REGIONS.reshape(6, 5, 1, 1)], oracle=grid_of_maxima(1, 1, 1 / 16)
        ),
        "no_regions": Case(grid(2, 2), [(1, 2, 3, 3), np.zeros((0, 5))], oracle=lambda b, p: np.zeros((0, 2, 2, 2))),
    }
    errors = {
        "no_bins": ErrorCase(
            "roi_pooling_param { pooled_h: 3 }",
            [(2, 3, 3, 4), REGIONS],
            message="""
            error: there are no bins
              expected: pooled_h and pooled_w of at least 1
              got:      3 and 0
            """,
        ),
        "shapes": ErrorCase(
            grid(2, 2),
            [(2, 3, 3, 4), (6, 4)],
            message="""
            error: regions of interest in images are needed
              expected: bottoms N x C x H x W and R x 5
              got:      bottoms 2x3x3x4 and 6x4
            """,
        ),
        "no_image": ErrorCase(
            grid(2, 2),
            [(1, 3, 3, 4), REGIONS],
            message="""
            error: a region of interest lies in no image
              expected: image numbers from 0 to 0
              got:      image 1, in region 1
            """,
        ),
        "not_a_number": ErrorCase(
            grid(2, 2),
            [(1, 3, 3, 4), np.full((1, 5), np.nan)],
            message="""
            error: a region of interest lies in no image
              expected: image numbers from 0 to 0
              got:      image nan, in region 0
            """,
        ),
    }
