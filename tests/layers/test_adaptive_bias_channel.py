from __future__ import annotations

import numpy as np

from pycaffelite.testing import Case, ErrorCase, LayerContract, LayerRunner, layer_text

LABELS = np.array([[2, -1, -1], [-1, -1, -1]], float)
PAIR = np.array([[3, 0, -1], [0, -1, -1]], float)


def one_label(bottoms, params):
    """With one label there is nobody to win from: only the others are lowered."""
    y = bottoms[0].copy()
    for c in (0, 1, 3):
        above = y[0, c] > y[0, 2]
        y[0, c][above] = y[0, 2][above] - float(np.float32(1e-5))
    return y


def in_order(bottoms, params):
    """The background comes first; with one other label there is no chance in the order."""
    y = bottoms[0].copy()
    for scores, present in zip(y, ([0, 3], [0]), strict=True):
        before = np.max(scores[present], axis=0)
        highest = before.copy()
        for label in present:
            lead = np.sort((highest - scores[label]).reshape(-1))
            scores[label] += lead[int((0.5 if label == 0 else 0.25) * lead.size)]
            highest = np.maximum(highest, scores[label])
        scores[:] = scores + before.mean() - highest.mean()
    return y


class TestAdaptiveBiasChannel(LayerContract):
    type_name = "AdaptiveBiasChannel"
    cases = {
        "one_label": Case(bottoms=[(2, 4, 3, 3), LABELS], oracle=one_label, gradients=False),
        "two_labels": Case(
            "adaptive_bias_channel_param { suppress_others: false bg_portion: 0.5 fg_portion: 0.25 }",
            [(2, 4, 4, 2), PAIR],
            oracle=in_order,
            gradients=False,
        ),
        "many": Case(
            "adaptive_bias_channel_param { num_iter: 3 fg_portion: 1 }",
            [(1, 4, 5), np.array([[1, 2, 3, 0]])],
            gradients=False,
        ),
    }
    errors = {
        "portion": ErrorCase(
            "adaptive_bias_channel_param { fg_portion: 1.5 }",
            bottoms=[(1, 2, 3), (1, 1)],
            message="""
            error: fg_portion is out of range
              expected: from 0 to 1
              got:      1.5
            """,
        ),
        "num_iter": ErrorCase(
            "adaptive_bias_channel_param { num_iter: 0 }",
            bottoms=[(1, 2, 3), (1, 1)],
            message="""
            error: num_iter is out of range
              expected: at least 1
              got:      0
            """,
        ),
        "labels": ErrorCase(
            bottoms=[(2, 3, 4), (1, 2)],
            message="""
            error: the labels do not fit the scores
              expected: N x at least 2 x any axes, and N x labels
              got:      shapes 2x3x4 and 1x2
            """,
        ),
        "label": ErrorCase(
            bottoms=[(1, 2, 3), np.array([[-2.0]])],
            message="""
            error: a label is no class
              expected: a class from 0 to 1: the scores have 2
              got:      label -2 in record 0 of the batch
            """,
        ),
    }


def test_each_label_wins_its_part():
    fields = "adaptive_bias_channel_param { num_iter: 20 bg_portion: 0.3 fg_portion: 0.2 }"
    labels = np.array([[0, 2, 5]], float)
    y = LayerRunner(layer_text("AdaptiveBiasChannel", fields, bottoms=2), [(1, 6, 20, 20), labels]).forward()[0][0]
    winners = np.bincount(y.argmax(0).reshape(-1), minlength=6) / 400
    assert not winners[[1, 3, 4]].any()
    assert (winners[[0, 2, 5]] > [0.25, 0.15, 0.15]).all()
