from __future__ import annotations

from functools import partial

import numpy as np

from pycaffelite.testing import Case, ErrorCase, LayerContract

LABELS = np.array([2, 0, 1, 2])
PIXELS = np.array([[[0, 1], [2, 1]], [[1, 1], [0, 2]]])


def focal(bottoms, params, alpha=0.25, gamma=2.0, ignore=None, second=False):
    scores = np.moveaxis(bottoms[0], 1, -1)
    shares = np.exp(scores) / np.exp(scores).sum(-1, keepdims=True)
    right = [
        row[label]
        for row, label in zip(shares.reshape(-1, 3), bottoms[1].reshape(-1).astype(int), strict=True)
        if label != ignore
    ]
    loss = np.array(np.mean([-alpha * (1 - q) ** gamma * np.log(q) for q in right]))
    return [loss, np.moveaxis(shares, -1, 1)] if second else [loss]


class TestFocalLoss(LayerContract):
    type_name = "FocalLoss"
    cases = {
        "default": Case(bottoms=[(4, 3), LABELS], oracle=focal),
        "pixels": Case("loss_weight: 0.5", [(2, 3, 2, 2), PIXELS], oracle=focal),
        "shape": Case(
            "focal_loss_param { alpha: 1 gamma: 0.5 }", [(4, 3), LABELS], oracle=partial(focal, alpha=1, gamma=0.5)
        ),
        "plain": Case(
            "focal_loss_param { alpha: 1 gamma: 0 }", [(4, 3), LABELS], oracle=partial(focal, alpha=1, gamma=0)
        ),
        "ignore": Case("loss_param { ignore_label: 1 }", [(4, 3), LABELS], oracle=partial(focal, ignore=1)),
        "second_top": Case(
            bottoms=[(4, 3), LABELS], tops=2, oracle=partial(focal, second=True), top_diffs=[1, 0], phase="TEST"
        ),
    }
    errors = {
        "gamma": ErrorCase(
            "focal_loss_param { gamma: -1 }",
            bottoms=[(4, 3), LABELS],
            message="""
            error: gamma is out of range
              expected: at least 0
              got:      -1
            """,
        ),
        "label": ErrorCase(
            bottoms=[(2, 3), np.array([0.0, 3.0])],
            message="""
            error: a label is no class
              expected: a class from 0 to 2: the scores have 3
              got:      label 3 in record 1 of the batch

            hint: raise `num_output` of the layer that makes the scores, or set `ignore_label`
            """,
        ),
    }
