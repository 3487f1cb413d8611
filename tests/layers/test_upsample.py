from __future__ import annotations

import numpy as np

from pycaffelite.testing import Case, ErrorCase, LayerContract, LayerRunner, layer_text

MASK = np.array([[[[0, 3], [9, 10]], [[5, 2], [8, 15]]]] * 2, float)


def put_back(bottoms, params, size=(4, 4)):
    x, mask = bottoms
    y = np.zeros((*x.shape[:2], *size))
    for n, c, h, w in np.ndindex(*x.shape):
        y[n, c][np.unravel_index(int(mask[n, c, h, w]), size)] = x[n, c, h, w]
    return y


def repeated(bottoms, params):
    return bottoms[0].repeat(2, 2).repeat(3, 3)


class TestUpsample(LayerContract):
    type_name = "Upsample"
    cases = {
        "default": Case(bottoms=[(2, 2, 2, 2), MASK], oracle=put_back),
        "size": Case(
            "upsample_param { upsample_h: 4 upsample_w: 5 }",
            [(2, 2, 2, 2), MASK],
            oracle=lambda bottoms, params: put_back(bottoms, params, (4, 5)),
        ),
        "less": Case(
            "upsample_param { scale: 2 pad_out_h: true pad_out_w: true }",
            [(2, 2, 2, 2), MASK % 9],
            oracle=lambda bottoms, params: put_back(bottoms, params, (3, 3)),
            gradients=False,  # some places coincide
        ),
        "no_mask": Case("upsample_param { scale_h: 2 scale_w: 3 }", [(2, 3, 2, 4)], oracle=repeated),
    }
    errors = {
        "place": ErrorCase(
            "upsample_param { upsample_h: 3 upsample_w: 5 }",
            bottoms=[(2, 2, 2, 2), MASK],
            message="""
            error: the mask points beyond the top
              expected: places from 0 to 14, in a top of shape 2x2x3x5
              got:      places from 0 to 15

            hint: write `upsample_h` and `upsample_w`: the size of what the Pooling layer reads
            """,
        ),
        "two_forms": ErrorCase(
            "upsample_param { scale: 2 scale_h: 2 scale_w: 2 }",
            message="""
            error: scale is given twice
              expected: `scale`, or `scale_h` and `scale_w`
              got:      both forms
            """,
        ),
        "one_alone": ErrorCase(
            "upsample_param { upsample_h: 2 }",
            message="""
            error: upsample is incomplete
              expected: both `upsample_h` and `upsample_w`
              got:      `upsample_h` alone
            """,
        ),
        "scale": ErrorCase(
            "upsample_param { scale: 1 }",
            bottoms=[(1, 1, 2, 2), (1, 1, 2, 2)],
            message="""
            error: scale is out of range
              expected: at least 2
              got:      1
            """,
        ),
        "pad": ErrorCase(
            "upsample_param { scale: 3 pad_out_h: true }",
            bottoms=[(1, 1, 2, 2), (1, 1, 2, 2)],
            message="""
            error: pad_out needs a scale of 2
              expected: scale 2
              got:      scale (3, 3)
            """,
        ),
        "no_mask": ErrorCase(
            "upsample_param { pad_out_h: true }",
            message="""
            error: without a mask there is only a scale
              expected: `scale`
              got:      a size or a padding
            """,
        ),
        "mask_shape": ErrorCase(
            bottoms=[(1, 1, 2, 2), (1, 1, 2, 3)],
            message="""
            error: the mask is not that of the bottom
              expected: shape 1x1x2x2
              got:      shape 1x1x2x3
            """,
        ),
        "axes": ErrorCase(
            bottoms=[(2, 2)],
            message="""
            error: Upsample needs four axes
              expected: N x C x H x W
              got:      bottom of shape 2x2
            """,
        ),
    }


def test_it_is_the_way_back_from_pooling():
    text = layer_text("Pooling", "pooling_param { kernel_size: 2 stride: 2 }", tops=2)
    pooling = LayerRunner(text, [(2, 3, 5, 6)])
    pooled, mask = pooling.forward()
    text = layer_text("Upsample", "upsample_param { upsample_h: 5 upsample_w: 6 }", bottoms=2)
    y = LayerRunner(text, [pooled, mask]).forward()[0]
    x = pooling.inputs[0]
    assert ((y == x) | (y == 0)).all()
    assert np.count_nonzero(y) == pooled.size
    np.testing.assert_array_equal(np.sort(y[y != 0]), np.sort(pooled.reshape(-1)))
