from __future__ import annotations

import math

import numpy as np

from pycaffelite.testing import Case, ErrorCase, LayerContract, LayerRunner, layer_text

REGIONS = np.array(
    [
        [0, 0, 0, 63, 47],  # the whole image
        [1, 7.5, 23.5, 40.25, 39],  # halves
        [0, 33, 17, 33, 17],  # one pixel
        [1, 40, 30, 20, 10],  # the wrong way round
        [1, -30, -20, 30, 90],  # beyond the image
        [0, 100, 100, 130, 120],  # outside
    ]
)


def half_up(value):
    return math.copysign(math.floor(abs(value) + 0.5), value)


def grid_of_means(depth, group, scale):
    def oracle(bottoms, params):
        x, regions = bottoms
        y = np.zeros((len(regions), depth, group, group))
        for r, (n, *box) in enumerate(regions):
            left, top = half_up(box[0]) * scale, half_up(box[1]) * scale
            wide = np.float32(max((half_up(box[2]) + 1) * scale - left, np.float32(0.1))) / np.float32(group)
            high = np.float32(max((half_up(box[3]) + 1) * scale - top, np.float32(0.1))) / np.float32(group)
            for p in range(group):
                for q in range(group):
                    first, end = math.floor(p * high + np.float32(top)), math.ceil((p + 1) * high + np.float32(top))
                    hs = [h for h in range(x.shape[2]) if first <= h < end]
                    first, end = math.floor(q * wide + np.float32(left)), math.ceil((q + 1) * wide + np.float32(left))
                    ws = [w for w in range(x.shape[3]) if first <= w < end]
                    for k in range(depth) if hs and ws else ():
                        y[r, k, p, q] = x[int(n), (k * group + p) * group + q][np.ix_(hs, ws)].mean()
        return y

    return oracle


def param(depth, group, scale):
    return f"psroi_pooling_param {{ output_dim: {depth} group_size: {group} spatial_scale: {scale} }}"


class TestPSROIPooling(LayerContract):
    type_name = "PSROIPooling"
    cases = {
        "of_a_sixteenth": Case(param(2, 3, 0.0625), [(2, 18, 3, 4), REGIONS], oracle=grid_of_means(2, 3, 1 / 16)),
        "of_an_eighth": Case(param(3, 2, 0.125), [(2, 12, 6, 8), REGIONS], oracle=grid_of_means(3, 2, 1 / 8)),
        "one_bin": Case(param(4, 1, 0.0625), [(2, 4, 3, 4), REGIONS], oracle=grid_of_means(4, 1, 1 / 16), phase="TEST"),
    }
    errors = {
        "field": ErrorCase(
            "psroi_pooling_param { spatial_scale: 0.0625 output_dim: 2 }",
            [(2, 18, 3, 4), REGIONS],
            message="""
            error: group_size is missing or out of range
              expected: group_size above 0
              got:      none
            """,
        ),
        "channels": ErrorCase(
            param(2, 3, 1),
            [(2, 12, 3, 4), REGIONS],
            message="""
            error: the number of channels does not fit the bins
              expected: 18 channels: output_dim 2 times 3 x 3 bins
              got:      bottom of shape 2x12x3x4
            """,
        ),
        "no_image": ErrorCase(
            param(3, 2, 1),
            [(1, 12, 3, 4), REGIONS],
            message="""
            error: a region of interest lies in no image
              expected: image numbers from 0 to 0
              got:      image 1, in region 1
            """,
        ),
    }


def test_infinite_regions_are_cut():
    regions = np.array([[0, -np.inf, -1e30, np.inf, 1e30], [0, np.nan, 0, 3, 3]])
    runner = LayerRunner(layer_text("PSROIPooling", param(1, 2, 1), bottoms=2), [(1, 4, 3, 4), regions])
    assert np.isfinite(runner.forward()[0]).all()
