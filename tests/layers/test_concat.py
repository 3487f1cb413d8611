from __future__ import annotations

from functools import partial

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pycaffelite.testing import Case, ErrorCase, LayerContract, LayerRunner, layer_text


def joined(bottoms, params, axis=1):
    return np.concatenate(bottoms, axis=axis)


class TestConcat(LayerContract):
    type_name = "Concat"
    cases = {
        "default": Case(bottoms=[(2, 3, 2, 2), (2, 1, 2, 2), (2, 2, 2, 2)], oracle=joined),
        "axis_0": Case("concat_param { axis: 0 }", [(1, 3), (4, 3)], oracle=partial(joined, axis=0)),
        "negative_axis": Case("concat_param { axis: -1 }", [(2, 3, 2), (2, 3, 5)], oracle=partial(joined, axis=-1)),
        "concat_dim": Case("concat_param { concat_dim: 2 }", [(2, 3, 2), (2, 3, 5)], oracle=partial(joined, axis=2)),
        "one_bottom": Case(bottoms=[(2, 3)], phase="TEST", oracle=joined),
        "wanted": Case(bottoms=[(2, 3), (2, 2), (2, 1)], wanted=[True, False, True], oracle=joined),
    }
    errors = {
        "mismatch": ErrorCase(
            bottoms=[(2, 3, 4), (2, 3, 5)],
            message="""
            error: the bottoms differ in more than axis 1
              expected: shape 2x3x4, as bottom 0 has, but for axis 1
              got:      bottom 1 of shape 2x3x5
            """,
        ),
        "axes": ErrorCase(
            bottoms=[(2, 3, 1), (2, 3)],
            message="""
            error: the bottoms differ in more than axis 1
              expected: shape 2x3x1, as bottom 0 has, but for axis 1
              got:      bottom 1 of shape 2x3
            """,
        ),
        "both_fields": ErrorCase(
            "concat_param { axis: 1 concat_dim: 2 }",
            [(2, 3, 4), (2, 3, 4)],
            message="""
            error: `axis` and `concat_dim` are both given
              expected: one of them
              got:      axis 1, concat_dim 2

            hint: leave out `concat_dim`, the older name
            """,
        ),
        "axis": ErrorCase(
            "concat_param { axis: 3 }",
            [(2, 3, 4), (2, 3, 4)],
            message="""
            error: axis is out of range
              expected: axis from -3 to 2, for 3 axes
              got:      axis 3, bottom of shape 2x3x4
            """,
        ),
    }


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.integers(1, 4), min_size=2, max_size=4),
    st.lists(st.integers(1, 3), min_size=0, max_size=3),
    st.data(),
)
def test_slice_undoes_concat(lengths, others, data):
    axis = data.draw(st.integers(0, len(others)))
    shapes = [(*others[:axis], length, *others[axis:]) for length in lengths]
    whole = LayerRunner(layer_text("Concat", f"concat_param {{ axis: {axis} }}", bottoms=len(shapes)), shapes)
    points = " ".join(f"slice_point: {point}" for point in np.cumsum(lengths)[:-1])
    text = layer_text("Slice", f"slice_param {{ axis: {axis} {points} }}", tops=len(shapes))
    parts = LayerRunner(text, [whole.forward()[0]])
    for part, bottom in zip(parts.forward(), whole.inputs, strict=True):
        np.testing.assert_array_equal(part, bottom)
    np.testing.assert_array_equal(parts.backward(parts.forward())[0], parts.inputs[0])
