from __future__ import annotations

import numpy as np

from pycaffelite.testing import Case, ErrorCase, LayerContract, LayerRunner, layer_text


def largest(x, k, axis):
    """Return places and values; a stable sort of the reversed numbers puts later ones of equals first."""
    x = np.moveaxis(x, axis, -1)
    places = x.shape[-1] - 1 - np.argsort(-x[..., ::-1], kind="stable")[..., :k]
    return (np.moveaxis(a, -1, axis) for a in (places, np.take_along_axis(x, places, -1)))


def of_records(k, values=False):
    def oracle(bottoms, params):
        x = bottoms[0]
        found = list(largest(x.reshape(len(x), -1), k, 1))[: 2 if values else 1]
        return np.stack(found, 1).reshape(len(x), len(found), k, *[1] * (x.ndim - 3))

    return oracle


def along(k, axis, values=False):
    return lambda bottoms, params: list(largest(bottoms[0], k, axis))[values]


TIES = np.random.default_rng(1).integers(0, 3, (2, 5, 4)).astype(np.float32)


class TestArgMax(LayerContract):
    type_name = "ArgMax"
    cases = {
        "default": Case(oracle=of_records(1), gradients=False),
        "records": Case("argmax_param { top_k: 3 }", [(4, 6)], oracle=of_records(3), gradients=False),
        "values": Case(
            "argmax_param { top_k: 2 out_max_val: true }", [TIES], oracle=of_records(2, values=True), gradients=False
        ),
        "axis": Case("argmax_param { top_k: 5 axis: 1 }", [TIES], oracle=along(5, 1), gradients=False),
        "axis_values": Case(
            "argmax_param { top_k: 2 axis: -1 out_max_val: true }", oracle=along(2, -1, values=True), gradients=False
        ),
        "vector": Case(bottoms=[(3,)], oracle=lambda b, p: np.zeros((3, 1, 1)), gradients=False),
    }
    errors = {
        "no_k": ErrorCase(
            "argmax_param { top_k: 0 }",
            message="""
            error: `top_k` is too small
              expected: top_k of at least 1
              got:      top_k 0
            """,
        ),
        "too_many": ErrorCase(
            "argmax_param { top_k: 4 axis: 1 }",
            message="""
            error: `top_k` is above the number of choices
              expected: top_k from 1 to 3, for a bottom of shape 2x3x4x5
              got:      top_k 4
            """,
        ),
    }


def test_nan_is_less_than_any_number():
    x = np.array([[np.nan, -np.inf, 1, np.nan]])
    runner = LayerRunner(layer_text("ArgMax", "argmax_param { top_k: 2 }"), [x])
    assert runner.forward()[0].ravel().tolist() == [2, 1]
