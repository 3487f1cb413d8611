from __future__ import annotations

import numpy as np
import pytest

from pycaffelite.errors import FieldError
from pycaffelite.testing import Case, ErrorCase, LayerContract, LayerRunner, layer_text


def constants(*values_and_shapes):
    return lambda bottoms, params: [np.full(shape, value) for value, shape in values_and_shapes]


def param(text):
    return f"dummy_data_param {{ {text} }}"


LEGACY = "num: 2 channels: 3 height: 4 width: 5 width: 6"


class TestDummyData(LayerContract):
    type_name = "DummyData"
    cases = {
        "zeros": Case(
            param("shape { dim: 2 dim: 3 }"), [], tops=2, oracle=constants((0, (2, 3)), (0, (2, 3))), gradients=False
        ),
        "constants": Case(
            param("shape { dim: 2 } shape { dim: 3 } data_filler { value: 1.5 } data_filler { value: -2 }"),
            [],
            tops=2,
            oracle=constants((1.5, (2,)), (-2, (3,))),
            gradients=False,
        ),
        "legacy": Case(
            param(LEGACY + " data_filler { value: 7 }"),
            [],
            tops=2,
            phase="TEST",
            oracle=constants((7, (2, 3, 4, 5)), (7, (2, 3, 4, 6))),
            gradients=False,
        ),
        "random": Case(
            param('shape { dim: 2 dim: 3 } data_filler { type: "gaussian" } data_filler { type: "uniform" }'),
            [],
            tops=2,
            gradients=False,
        ),
    }
    errors = {
        "fillers": ErrorCase(
            param("shape { dim: 2 } data_filler { } data_filler { }"),
            [],
            tops=1,
            message="""
            error: the number of `data_filler` does not fit the tops
              expected: 1, for 1 top
              got:      2
            """,
        ),
        "no_shape": ErrorCase(
            "",
            [],
            message="""
            error: the number of `shape` does not fit the tops
              expected: 1, for 1 top
              got:      0
            """,
        ),
        "both": ErrorCase(
            param("shape { dim: 2 } num: 3"),
            [],
            message="""
            error: shapes are stated in two ways
              expected: `shape`, or `num`, `channels`, `height` and `width`
              got:      both
            """,
        ),
        "legacy": ErrorCase(
            param("num: 2 channels: 3 height: 4"),
            [],
            message="""
            error: the number of `width` does not fit the tops
              expected: 1, for 1 top
              got:      0
            """,
        ),
        "dimension": ErrorCase(
            param("shape { dim: 2 dim: 0 }"),
            [],
            message="""
            error: a dimension is not positive
              expected: dimensions of at least 1
              got:      0, in 2x0
            """,
        ),
    }


def test_a_constant_is_written_once_and_randoms_each_time():
    fillers = 'data_filler { value: 3 } data_filler { type: "gaussian" } data_filler { }'
    runner = LayerRunner(layer_text("DummyData", param(f"shape {{ dim: 4 }} {fillers}"), bottoms=0, tops=3))
    before = runner.forward()
    assert before[0].tolist() == [3] * 4
    for blob in runner.top:
        blob.data[...] = 9
    after = runner.forward()
    assert [after[0].tolist(), after[2].tolist()] == [[9] * 4] * 2
    assert (after[1] != before[1]).all()
    assert (after[1] != 9).all()


def test_an_unknown_filler_is_refused():
    text = layer_text("DummyData", param('shape { dim: 4 } data_filler { type: "gauss" }'), bottoms=0)
    with pytest.raises(FieldError, match="unknown filler type"):
        LayerRunner(text).forward()
