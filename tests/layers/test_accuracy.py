from __future__ import annotations

from functools import partial

import numpy as np

from pycaffelite.testing import Case, ErrorCase, LayerContract, LayerRunner, layer_text

LABELS = np.array([2, 0, 1, 2, 2, 0])
PIXELS = np.array([[[0, 1], [2, 1]], [[1, 1], [0, 2]]])


def share_right(bottoms, params, axis=1, k=1, ignore=None, per_class=False):
    """Sort the scores of each position, with the true class behind its equals."""
    scores = np.moveaxis(bottoms[0], axis, -1)
    classes = scores.shape[-1]
    right, seen = np.zeros(classes), np.zeros(classes)
    for row, label in zip(scores.reshape(-1, classes), bottoms[1].reshape(-1).astype(int), strict=True):
        if label == ignore:
            continue
        order = sorted(range(classes), key=lambda c, row=row, label=label: (-row[c], c == label))
        seen[label] += 1
        right[label] += order.index(label) < k
    tops = [np.array(right.sum() / max(1, seen.sum()))]
    return [*tops, right / np.maximum(seen, 1)] if per_class else tops


def param(text):
    return f"accuracy_param {{ {text} }}"


TIES = np.array([[1, 1, 0], [3, 2, 2], [0, 0, 0], [1, 2, 2], [0, 1, 2], [2, 1, 2.0]])


class TestAccuracy(LayerContract):
    type_name = "Accuracy"
    cases = {
        "default": Case(bottoms=[(6, 3), LABELS], oracle=share_right, gradients=False),
        "test_phase": Case(bottoms=[(6, 3, 1, 1), LABELS], phase="TEST", oracle=share_right, gradients=False),
        "ties": Case(bottoms=[TIES, LABELS], oracle=share_right, gradients=False),
        "ties_top_2": Case(param("top_k: 2"), [TIES, LABELS], oracle=partial(share_right, k=2), gradients=False),
        "all_classes": Case(param("top_k: 3"), [(6, 3), LABELS], oracle=partial(share_right, k=3), gradients=False),
        "ignore": Case(
            param("ignore_label: 2"), [(6, 3), LABELS], oracle=partial(share_right, ignore=2), gradients=False
        ),
        "all_ignored": Case(
            param("ignore_label: 255"),
            [(2, 3), np.full(2, 255)],
            oracle=partial(share_right, ignore=255),
            gradients=False,
        ),
        "pixels": Case(bottoms=[(2, 3, 2, 2), PIXELS], oracle=share_right, gradients=False),
        "axis_0": Case(param("axis: 0"), [(3, 6), LABELS], oracle=partial(share_right, axis=0), gradients=False),
        "negative_axis": Case(
            param("axis: -1"), [(2, 2, 2, 3), PIXELS], oracle=partial(share_right, axis=-1), gradients=False
        ),
        "per_class": Case(
            bottoms=[(6, 4), LABELS], tops=2, oracle=partial(share_right, per_class=True), gradients=False
        ),
    }
    errors = {
        "top_0": ErrorCase(
            param("top_k: 0"),
            [(6, 3), LABELS],
            message="""
            error: `top_k` is too small
              expected: top_k of at least 1
              got:      top_k 0
            """,
        ),
        "top_k": ErrorCase(
            param("top_k: 4"),
            [(6, 3), LABELS],
            message="""
            error: `top_k` is above the number of classes
              expected: top_k from 1 to 3, for scores of shape 6x3
              got:      top_k 4
            """,
        ),
        "count": ErrorCase(
            bottoms=[(6, 3), (5,)],
            message="""
            error: the number of labels does not fit the scores
              expected: 6 labels: one for each position of scores of shape 6x3
              got:      5, of shape 5
            """,
        ),
        "axis": ErrorCase(
            param("axis: 2"),
            [(6, 3), (6,)],
            message="""
            error: axis is out of range
              expected: axis from -2 to 1, for 2 axes
              got:      axis 2, bottom of shape 6x3
            """,
        ),
        "label": ErrorCase(
            bottoms=[(6, 3), LABELS + 1],
            message="""
            error: a label is no class
              expected: a class from 0 to 2: the scores have 3
              got:      label 3 in record 0 of the batch

            hint: raise `num_output` of the layer that makes the scores, or set `ignore_label`
            """,
        ),
    }


def test_nan_is_wrong():
    scores = np.array([[np.nan, 0.0], [5.0, np.nan], [1.0, 0.0]])
    assert LayerRunner(layer_text("Accuracy", bottoms=2), [scores, np.zeros(3)]).forward()[0] * 3 == 1
