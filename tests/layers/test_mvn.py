from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from pycaffelite.errors import ShapeError
from pycaffelite.testing import Case, ErrorCase, LayerContract, LayerRunner


def normalized(bottoms, params, axes=(2, 3), divides=True, eps=1e-9):
    x = bottoms[0]
    x = x.reshape(*x.shape, *[1] * (4 - x.ndim))
    y = x - x.mean(axis=axes, keepdims=True)
    return y / (np.sqrt((y**2).mean(axis=axes, keepdims=True)) + float(np.float32(eps))) if divides else y


class TestMVN(LayerContract):
    type_name = "MVN"
    cases = {
        "default": Case(oracle=normalized),
        "across_channels": Case(
            "mvn_param { across_channels: true }", [(3, 5)], oracle=partial(normalized, axes=(1, 2, 3)), in_place=False
        ),
        "mean_only": Case("mvn_param { normalize_variance: false }", oracle=partial(normalized, divides=False)),
        "mean_only_across": Case(
            "mvn_param { normalize_variance: false across_channels: true }",
            oracle=partial(normalized, axes=(1, 2, 3), divides=False),
        ),
        # The gradient leaves out that eps keeps y shorter than 1.
        "eps": Case("mvn_param { eps: 0.5 }", oracle=partial(normalized, eps=0.5), gradient_tolerance=0.5),
    }
    errors = {
        "five_axes": ErrorCase(
            bottoms=[(1, 2, 3, 4, 5)],
            message="""
            error: MVN needs at most four axes
              expected: N x C x H x W
              got:      bottom of shape 1x2x3x4x5
            """,
        ),
        "empty": ErrorCase(
            bottoms=[(1, 2, 0, 4)],
            message="""
            error: there is nothing to take statistics of
              expected: N x C x H x W
              got:      bottom of shape 1x2x0x4
            """,
        ),
    }


def test_in_place_only_with_four_axes():
    with pytest.raises(ShapeError, match="another shape than the bottom"):
        LayerRunner('layer { name: "a" type: "MVN" bottom: "b" top: "b" }', [(3, 4)])


def test_a_constant_channel_is_zero():
    top = LayerRunner('layer { name: "a" type: "MVN" bottom: "b" top: "t" }', [np.full((1, 1, 2, 2), 3.0)]).forward()[0]
    assert not top.any()


def test_without_a_backward_pass():
    runner = LayerRunner('layer { name: "a" type: "MVN" bottom: "b" top: "t" }', [(2, 3, 4, 5)])
    runner.layer.forward_alone(runner.bottom, runner.top)
    np.testing.assert_array_equal(runner.top[0].data, runner.forward()[0])
