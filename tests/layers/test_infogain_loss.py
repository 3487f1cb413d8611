from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from pycaffelite.errors import DataError, ShapeError
from pycaffelite.schema import messages
from pycaffelite.testing import Case, ErrorCase, LayerContract, LayerRunner

GAINS = np.random.default_rng(2).uniform(-0.5, 1.5, (3, 3)).astype(np.float32)
LABELS = np.array([[1.0, 0, 2, 2], [0, 1, 1, 2]])


def shares(x, axis):
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def infogain(bottoms, params, axis=1, ignore=None, divisor=None):
    logs = np.moveaxis(np.log(np.maximum(shares(bottoms[0], axis), 1e-20)), axis, -1)
    logs = logs.reshape(-1, logs.shape[-1])
    labels = bottoms[1].reshape(-1).astype(int)
    counted = labels != ignore
    gains = bottoms[2].reshape(logs.shape[1], -1)
    loss = -(gains[labels[counted]] * logs[counted]).sum() / (counted.sum() if divisor is None else divisor)
    return [np.array(loss), shares(bottoms[0], axis)]


def alone(bottoms, params, **options):
    return infogain(bottoms, params, **options)[0]


class TestInfogainLoss(LayerContract):
    type_name = "InfogainLoss"
    cases = {
        "default": Case(bottoms=[(8, 3), LABELS.reshape(-1), GAINS], oracle=alone),
        "spatial": Case(
            "loss_param { ignore_label: 2 } loss_weight: 0.4",
            [(2, 3, 2, 2), LABELS, GAINS.reshape(1, 1, 3, 3)],
            oracle=partial(alone, ignore=2),
        ),
        "later_axis": Case(
            "infogain_loss_param { axis: -1 } loss_param { normalization: BATCH_SIZE }",
            [(2, 4, 3), LABELS, GAINS],
            oracle=partial(alone, axis=2, divisor=8),
        ),
        "records": Case(
            "loss_param { normalization: BATCH_SIZE }", [(2, 3, 4), LABELS, GAINS], oracle=partial(alone, divisor=2)
        ),
        "second_top": Case(
            bottoms=[(8, 3), LABELS.reshape(-1), GAINS],
            tops=2,
            top_diffs=[None, 0],
            oracle=infogain,
        ),
        "all_ignored": Case(
            "loss_param { ignore_label: 1 }",
            [(2, 3), np.ones(2), GAINS],
            oracle=lambda bottoms, params: np.array(0.0),
        ),
    }
    errors = {
        "no_matrix": ErrorCase(
            bottoms=[(2, 3), (2,)],
            message="""
            error: there is no matrix
              expected: a third bottom, or `infogain_loss_param { source: ... }`
              got:      2 bottoms and no source
            """,
        ),
        "old_form": ErrorCase(
            "loss_param { normalize: false }",
            [(2, 3), (2,), (3, 3)],
            message="""
            error: `normalize` is not for InfogainLoss
              expected: `normalization`
              got:      normalize false

            hint: write `normalization: VALID` for true, `normalization: BATCH_SIZE` for false
            """,
        ),
        "matrix": ErrorCase(
            bottoms=[(2, 3), (2,), (3, 2)],
            message="""
            error: the matrix does not fit the scores
              expected: 3 x 3 elements, for 3 classes
              got:      6, of shape 3x2
            """,
        ),
        "no_class": ErrorCase(
            bottoms=[(2, 3), np.array([0.0, 3]), (3, 3)],
            message="""
            error: a label is no class
              expected: a class from 0 to 2: the scores have 3
              got:      label 3 in record 1 of the batch

            hint: raise `num_output` of the layer that makes the scores, or set `ignore_label`
            """,
        ),
    }


def text(source):
    name = source.as_posix()
    fields = f'infogain_loss_param {{ source: "{name}" }}'
    return f'layer {{ name: "a" type: "InfogainLoss" bottom: "x" bottom: "y" top: "l" {fields} }}'


def test_a_matrix_from_a_file(tmp_path):
    blob = messages.BlobProto(data=GAINS.reshape(-1))
    blob.shape.dim.extend([1, 1, 3, 3])
    (tmp_path / "h.binaryproto").write_bytes(blob.SerializeToString())
    runner = LayerRunner(text(tmp_path / "h.binaryproto"), [(8, 3), LABELS.reshape(-1)])
    np.testing.assert_allclose(runner.forward()[0], alone([*runner.inputs, GAINS], []), rtol=1e-12)
    with pytest.raises(ShapeError, match="does not fit"):
        LayerRunner(text(tmp_path / "h.binaryproto"), [(2, 4), (2,)])


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(DataError, match="the matrix of InfogainLoss does not exist"):
        LayerRunner(text(tmp_path / "h.binaryproto"), [(2, 3), (2,)])
