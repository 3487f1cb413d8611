from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from pycaffelite.errors import WiringError
from pycaffelite.testing import Case, ErrorCase, LayerContract, LayerRunner


def pool(bottoms, params, reduce, sizes, kernel, stride=(1, 1), pad=(0, 0)):
    """Reduce windows of the unpadded input; `reduce` gets a window (N, C, places) and the divisor of the mean."""
    x = bottoms[0]
    height, width = x.shape[2:]
    y = np.zeros((*x.shape[:2], *sizes))
    for oh, ow in np.ndindex(*sizes):
        h, w = oh * stride[0] - pad[0], ow * stride[1] - pad[1]
        seen = x[:, :, max(0, h) : h + kernel[0], max(0, w) : w + kernel[1]].reshape(*x.shape[:2], -1)
        places = min(kernel[0], height + pad[0] - h) * min(kernel[1], width + pad[1] - w)
        y[:, :, oh, ow] = reduce(seen, places)
    return y


def largest(seen, _divisor):
    return seen.max(axis=-1)


def mean(seen, divisor):
    return seen.sum(axis=-1) / divisor


def expected(seen, _divisor):
    return (seen**2).sum(axis=-1) / seen.sum(axis=-1)


POSITIVE = np.random.default_rng(6).uniform(0.5, 2, (2, 3, 4, 5))


class TestPooling(LayerContract):
    type_name = "Pooling"
    cases = {
        "default": Case(
            "pooling_param { kernel_size: 2 }", oracle=partial(pool, reduce=largest, sizes=(3, 4), kernel=(2, 2))
        ),
        "quads": Case(
            "pooling_param { kernel_size: 2 stride: 2 }",
            [(2, 3, 4, 18)],
            oracle=partial(pool, reduce=largest, sizes=(2, 9), kernel=(2, 2), stride=(2, 2)),
        ),
        "max_clipped": Case(
            "pooling_param { kernel_size: 3 stride_h: 2 stride_w: 3 pad_h: 1 pad_w: 2 }",
            oracle=partial(pool, reduce=largest, sizes=(3, 3), kernel=(3, 3), stride=(2, 3), pad=(1, 2)),
        ),
        "ave": Case(
            "pooling_param { pool: AVE kernel_h: 3 kernel_w: 2 stride: 2 }",
            oracle=partial(pool, reduce=mean, sizes=(2, 3), kernel=(3, 2), stride=(2, 2)),
        ),
        "ave_padded": Case(
            "pooling_param { pool: AVE kernel_size: 3 stride: 2 pad: 1 round_mode: FLOOR }",
            oracle=partial(pool, reduce=mean, sizes=(2, 3), kernel=(3, 3), stride=(2, 2), pad=(1, 1)),
        ),
        "rounded_down_the_older_way": Case(
            "pooling_param { kernel_size: 3 stride: 2 ceil_mode: false }",
            oracle=partial(pool, reduce=largest, sizes=(1, 2), kernel=(3, 3), stride=(2, 2)),
        ),
        "round_mode_wins": Case(
            "pooling_param { kernel_size: 3 stride: 2 ceil_mode: false round_mode: CEIL }",
            oracle=partial(pool, reduce=largest, sizes=(2, 2), kernel=(3, 3), stride=(2, 2)),
        ),
        "kernel_h_beside_kernel_size": Case(
            "pooling_param { kernel_size: 2 kernel_h: 4 }",
            oracle=partial(pool, reduce=largest, sizes=(3, 4), kernel=(2, 2)),
        ),
        "global": Case(
            "pooling_param { pool: AVE global_pooling: true }",
            oracle=partial(pool, reduce=mean, sizes=(1, 1), kernel=(4, 5)),
        ),
        "mask": Case(
            "pooling_param { kernel_size: 2 stride: 2 }",
            [(1, 2, 4, 4)],
            tops=2,
            top_diffs=[None, 0],
            oracle=lambda bottoms, params: [
                pool(bottoms, params, largest, (2, 2), (2, 2), (2, 2)),
                pool([bottoms[0]], params, largest, (2, 2), (2, 2), (2, 2)) * 0 + mask_of(bottoms[0]),
            ],
        ),
        "drawn": Case(
            "pooling_param { pool: STOCHASTIC kernel_size: 2 stride: 2 }",
            [POSITIVE],
            gradient_tolerance=1e-5,
            skip_kinks=True,
        ),
        "expected": Case(
            "pooling_param { pool: STOCHASTIC kernel_size: 2 stride: 2 }",
            [POSITIVE],
            phase="TEST",
            oracle=partial(pool, reduce=expected, sizes=(2, 3), kernel=(2, 2), stride=(2, 2)),
        ),
    }
    errors = {
        "no_kernel": ErrorCase(
            "pooling_param { stride: 2 }",
            message="""
            error: kernel_size is missing
              expected: `kernel_size`, or `kernel_h` and `kernel_w`
              got:      none
            """,
        ),
        "two_forms": ErrorCase(
            "pooling_param { kernel_size: 2 kernel_h: 2 kernel_w: 2 }",
            message="""
            error: kernel has two forms
              expected: `kernel_size`, or both `kernel_h` and `kernel_w`
              got:      both forms
            """,
        ),
        "half_a_form": ErrorCase(
            "pooling_param { kernel_h: 2 }",
            message="""
            error: kernel has two forms
              expected: `kernel_size`, or both `kernel_h` and `kernel_w`
              got:      `kernel_h` alone
            """,
        ),
        "no_stride": ErrorCase(
            "pooling_param { kernel_size: 2 stride: 0 }",
            message="""
            error: stride is out of range
              expected: stride of at least 1
              got:      0 and 0
            """,
        ),
        "large_pad": ErrorCase(
            "pooling_param { kernel_size: 2 pad: 2 }",
            message="""
            error: pad is too large
              expected: pad smaller than the kernel
              got:      pad 2 and 2, kernel 2 and 2
            """,
        ),
        "global_with_kernel": ErrorCase(
            "pooling_param { global_pooling: true kernel_size: 2 }",
            message="""
            error: global_pooling fixes the window
              expected: no kernel, pad 0 and stride 1
              got:      a kernel
            """,
        ),
        "global_with_pad": ErrorCase(
            "pooling_param { global_pooling: true pad: 1 }",
            message="""
            error: global_pooling fixes the window
              expected: no kernel, pad 0 and stride 1
              got:      pad 1 and 1, stride 1 and 1
            """,
        ),
        "drawn_with_pad": ErrorCase(
            "pooling_param { pool: STOCHASTIC kernel_size: 3 pad: 1 }",
            message="""
            error: STOCHASTIC pooling has no padding
              expected: pad 0
              got:      pad 1 and 1
            """,
        ),
        "three_axes": ErrorCase(
            "pooling_param { kernel_size: 2 }",
            [(3, 4, 5)],
            message="""
            error: Pooling needs four axes
              expected: N x C x H x W
              got:      bottom of shape 3x4x5
            """,
        ),
        "empty_window": ErrorCase(
            "pooling_param { kernel_size: 1 stride: 4 }",
            [(1, 1, 6, 5)],
            message="""
            error: the last window holds no input
              expected: windows of 1 places, 4 apart, that all touch the input along h
              got:      bottom of shape 1x1x6x5

            hint: write `round_mode: FLOOR`
            """,
        ),
        "large_kernel": ErrorCase(
            "pooling_param { kernel_size: 6 }",
            message="""
            error: kernel does not fit its input
              expected: windows of 6 places, 1 apart, that all touch the input along h
              got:      bottom of shape 2x3x4x5

            hint: use a smaller kernel or pad the input
            """,
        ),
    }


def mask_of(x):
    """Return where the maxima of 2 x 2 windows stand in their planes."""
    height, width = x.shape[2:]
    numbers = np.arange(height * width).reshape(height, width)
    y = np.zeros((*x.shape[:2], height // 2, width // 2))
    for n, c, oh, ow in np.ndindex(*y.shape):
        place = np.s_[2 * oh : 2 * oh + 2, 2 * ow : 2 * ow + 2]
        y[n, c, oh, ow] = numbers[place].reshape(-1)[x[n, c][place].argmax()]
    return y


def test_only_max_has_a_mask():
    text = (
        'layer { name: "a" type: "Pooling" bottom: "b" top: "t" top: "u" pooling_param { pool: AVE kernel_size: 2 } }'
    )
    with pytest.raises(WiringError, match="only MAX has a second top"):
        LayerRunner(text, [(1, 1, 4, 4)])


def test_drawing_goes_on_where_it_stopped():
    text = 'layer { name: "a" type: "Pooling" bottom: "b" top: "t" pooling_param { pool: STOCHASTIC kernel_size: 2 } }'
    first, second = LayerRunner(text, [POSITIVE]), LayerRunner(text, [POSITIVE])
    tops = [first.forward()[0] for _ in range(3)]
    assert not np.array_equal(tops[0], tops[1])
    second.layer.restore({"passes": 2})
    np.testing.assert_array_equal(second.forward()[0], tops[2])
    assert second.layer.state() == {"passes": 3}


def test_drawn_in_proportion():
    x = np.tile([[1.0, 3.0]], (1, 1, 1000, 1))
    fields = "pooling_param { pool: STOCHASTIC kernel_h: 1 kernel_w: 2 }"
    text = f'layer {{ name: "a" type: "Pooling" bottom: "b" top: "t" {fields} }}'
    top = LayerRunner(text, [x]).forward()[0]
    assert 0.7 < (top == 3).mean() < 0.8
