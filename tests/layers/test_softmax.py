from __future__ import annotations

from functools import partial

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pycaffelite.testing import Case, ErrorCase, LayerContract, LayerRunner, layer_text


def probabilities(bottoms, params, axis=1):
    powers = np.exp(bottoms[0] - bottoms[0].max(axis=axis, keepdims=True))
    return powers / powers.sum(axis=axis, keepdims=True)


class TestSoftmax(LayerContract):
    type_name = "Softmax"
    cases = {
        "default": Case(bottoms=[(2, 3, 2, 2)], oracle=probabilities),
        "axis_0": Case("softmax_param { axis: 0 }", [(4, 3)], oracle=partial(probabilities, axis=0)),
        "negative_axis": Case("softmax_param { axis: -1 }", [(2, 3, 4)], oracle=partial(probabilities, axis=-1)),
        "one_class": Case(bottoms=[(3, 1)], oracle=probabilities, phase="TEST"),
        "vector": Case("softmax_param { axis: 0 engine: CUDNN }", [(5,)], oracle=partial(probabilities, axis=0)),
    }
    errors = {
        "axis": ErrorCase(
            "softmax_param { axis: 2 }",
            [(2, 3)],
            message="""
            error: axis is out of range
              expected: axis from -2 to 1, for 2 axes
              got:      axis 2, bottom of shape 2x3
            """,
        ),
        "empty": ErrorCase(
            bottoms=[(2, 0)],
            message="""
            error: there are no classes
              expected: axis 1 not empty
              got:      shape 2x0
            """,
        ),
    }


@settings(max_examples=30, deadline=None)
@given(arrays(np.float64, st.tuples(*[st.integers(1, 4)] * 3), elements=st.floats(-1e4, 1e4)))
def test_sums_to_one(scores):
    out = LayerRunner(layer_text("Softmax"), [scores]).forward()[0]
    np.testing.assert_allclose(out.sum(axis=1), 1, rtol=1e-12)
    assert out.min() >= 0


def test_nan_spoils_its_own_column_only():
    scores = np.zeros((3, 4))
    scores[1, 2] = np.nan
    out = LayerRunner(layer_text("Softmax"), [scores]).forward()[0]
    assert np.isnan(out).all(axis=1).tolist() == [False, True, False]
    assert not np.isnan(out[[0, 2]]).any()


def test_huge_scores_do_not_overflow():
    scores = np.array([[3e38, 3e38, -3e38]])
    assert LayerRunner(layer_text("Softmax"), [scores], dtype=np.float32).forward()[0].tolist() == [[0.5, 0.5, 0.0]]
