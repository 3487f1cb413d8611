from __future__ import annotations

import numpy as np

from pycaffelite.testing import Case, ErrorCase, LayerContract

LABELS = np.array([[2], [0], [1], [2]])
PIXELS = np.array([[[0, 1], [2, 1]], [[1, 1], [0, 2]]])


def single(bottoms, params, ignore=None, divisor=None):
    scores = np.moveaxis(bottoms[0], 1, -1)
    shares = np.exp(scores) / np.exp(scores).sum(-1, keepdims=True)
    labels = bottoms[1].astype(int)
    losses = np.zeros(labels.size)
    for i, (row, label) in enumerate(zip(shares.reshape(labels.size, -1), labels.reshape(-1), strict=True)):
        losses[i] = 0 if label == ignore else -np.log(row[label])
    divisor = divisor or max(1, (labels != ignore).sum())
    return [np.array(losses.sum() / divisor), np.moveaxis(shares, -1, 1), losses.reshape(labels.shape)]


def first(count, **options):
    return lambda bottoms, params: single(bottoms, params, **options)[:count]


class TestSoftmaxWithLossOHEM(LayerContract):
    type_name = "SoftmaxWithLossOHEM"
    cases = {
        "default": Case(bottoms=[(4, 3), LABELS], tops=1, oracle=first(1)),
        "all_tops": Case(bottoms=[(4, 3), LABELS], tops=3, top_diffs=[1.0, 0.0, 0.0], oracle=first(3)),
        "pixels": Case(
            "loss_param { ignore_label: 1 }", [(2, 3, 2, 2), PIXELS], tops=3, top_diffs=[1.0, 0.0, 0.0],
            oracle=first(3, ignore=1),
        ),
        "pre_fixed": Case(
            "loss_weight: 0.5 loss_param { normalization: PRE_FIXED pre_fixed_normalizer: 2.5 }",
            [(4, 3), LABELS], tops=2, top_diffs=[0.5, 0.0], oracle=first(2, divisor=2.5),
        ),
        "pre_fixed_below_one": Case(
            "loss_param { normalization: PRE_FIXED pre_fixed_normalizer: 0.25 }",
            [(4, 3), LABELS], tops=1, phase="TEST", oracle=first(1, divisor=1),
        ),
    }  # fmt: skip
    errors = {
        "label": ErrorCase(
            bottoms=[(4, 3), LABELS + 1],
            tops=3,
            message="""
            error: a label is no class
              expected: a class from 0 to 2: the scores have 3
              got:      label 3 in record 0 of the batch

            hint: raise `num_output` of the layer that makes the scores, or set `ignore_label`
            """,
        ),
    }
