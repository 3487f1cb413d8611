from __future__ import annotations

import numpy as np
import pytest

from pycaffelite.errors import DataError
from pycaffelite.testing import Case, ErrorCase, LayerContract, LayerRunner, layer_text

FIELDS = "memory_data_param { batch_size: 2 channels: 1 height: 2 width: 3 }"
RECORDS = np.arange(24.0).reshape(4, 1, 2, 3)
LABELS = np.array([3, 1, 2, 0])


class TestMemoryData(LayerContract):
    type_name = "MemoryData"
    cases = {
        "default": Case(FIELDS, [], oracle=lambda bottoms, params: [RECORDS[:2], LABELS[:2]], gradients=False),
        "test_phase": Case(FIELDS, [], "TEST", lambda bottoms, params: [RECORDS[:2], LABELS[:2]], gradients=False),
    }
    errors = {
        "field": ErrorCase(
            "memory_data_param { batch_size: 2 channels: 1 height: 2 }",
            [],
            message="""
            error: `width` is missing or 0
              expected: batch_size, channels, height and width, each at least 1
              got:      batch_size 2, channels 1, height 2, width 0
            """,
        ),
        "no_batches": ErrorCase(
            FIELDS,
            [],
            message="""
            error: there are no batches
              expected: arrays to read from
              got:      none

            hint: call `set_batches(data, labels)` on this layer first
            """,
        ),
        "one_top": ErrorCase(
            FIELDS,
            [],
            tops=1,
            message="""
            error: wrong number of tops
              expected: 2
              got:      1
            """,
        ),
    }

    def runner(self, case, dtype=np.float64, *, in_place=False):
        runner = super().runner(case, dtype, in_place=in_place)
        runner.layer.set_batches(RECORDS, LABELS)
        return runner


def fresh():
    return LayerRunner(layer_text("MemoryData", FIELDS, bottoms=0, tops=2))


def test_it_begins_again_at_the_end():
    runner = fresh()
    runner.layer.set_batches(RECORDS, LABELS.reshape(4, 1, 1, 1))
    assert [runner.forward()[1].tolist() for _ in range(3)] == [[3, 1], [2, 0], [3, 1]]
    np.testing.assert_array_equal(runner.forward()[0], RECORDS[2:])


def test_new_arrays_are_read_from_their_beginning():
    runner = fresh()
    runner.layer.set_batches(RECORDS, LABELS)
    runner.forward()
    runner.layer.set_batches(RECORDS[2:].astype(np.uint8), LABELS[2:])
    assert runner.forward()[1].tolist() == [2, 0]
    assert runner.forward()[1].tolist() == [2, 0]


@pytest.mark.parametrize(
    ("data", "labels", "message"),
    [
        (
            RECORDS[..., :2],
            LABELS,
            "error: the records do not fit\n  expected: an array of shape Mx1x2x3\n  got:      shape 4x1x2x2",
        ),
        (
            RECORDS[:3],
            LABELS[:3],
            "error: the number of records does not fit\n  expected: a multiple of the batch size, 2\n  got:      3",
        ),
        (
            RECORDS[:0],
            LABELS[:0],
            "error: the number of records does not fit\n  expected: a multiple of the batch size, 2\n  got:      0",
        ),
        (
            RECORDS,
            LABELS[:2],
            "error: the number of labels does not fit\n  expected: 4, one for each record\n  got:      2, of shape 2",
        ),
    ],
)
def test_arrays_that_do_not_fit(data, labels, message):
    with pytest.raises(DataError) as caught:
        fresh().layer.set_batches(data, labels)
    assert str(caught.value) == message
