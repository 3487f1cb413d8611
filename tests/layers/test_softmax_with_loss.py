from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from pycaffelite.errors import DataError
from pycaffelite.testing import Case, ErrorCase, LayerContract, LayerRunner, close, layer_text

LABELS = np.array([2, 0, 1, 2])
PIXELS = np.array([[[0, 1], [2, 1]], [[1, 1], [0, 2]]])


def likelihood(bottoms, params, axis=1, ignore=None, mode="VALID", second=False):
    """The loss, position by position."""
    scores = np.moveaxis(bottoms[0], axis, -1)
    shares = np.exp(scores - scores.max(axis=-1, keepdims=True))
    shares /= shares.sum(axis=-1, keepdims=True)
    loss, valid, flat = 0.0, 0, shares.reshape(-1, shares.shape[-1])
    for row, label in zip(flat, bottoms[1].reshape(-1).astype(int), strict=True):
        if label != ignore:
            loss -= np.log(max(row[label], np.finfo(np.float32).tiny))
            valid += 1
    before = int(np.prod(bottoms[0].shape[: axis % bottoms[0].ndim]))
    loss /= max(1, {"FULL": len(flat), "VALID": valid, "BATCH_SIZE": before, "NONE": 1}[mode])
    return [np.array(loss), np.moveaxis(shares, -1, axis)] if second else [np.array(loss)]


def weighted(bottoms, params, weights=None, ignore=None):
    """The loss of a mean in which each class has a weight, by default one over how often it occurs."""
    scores, labels = np.moveaxis(bottoms[0], 1, -1).reshape(-1, 3), bottoms[1].reshape(-1).astype(int)
    weights = weights or [1 / max(1, np.sum(labels == c)) for c in range(3)]
    right = (np.exp(scores) / np.exp(scores).sum(1, keepdims=True))[np.arange(len(labels)), np.minimum(labels, 2)]
    counted = labels != ignore
    return np.array(-np.sum((np.log(right) * np.array([*weights, 0])[labels])[counted]) / counted.sum())


def param(text):
    return f"loss_param {{ {text} }}"


IGNORE = "ignore_label: 1 "


class TestSoftmaxWithLoss(LayerContract):
    type_name = "SoftmaxWithLoss"
    cases = {
        "default": Case(bottoms=[(4, 3), LABELS], tops=1, oracle=likelihood),
        "weight": Case("loss_weight: 0.25", [(4, 3), LABELS], oracle=likelihood),
        "no_top_named": Case(bottoms=[(4, 3), LABELS], tops=0, oracle=likelihood),
        "pixels": Case(bottoms=[(2, 3, 2, 2), PIXELS], oracle=likelihood),
        "labels_n1hw": Case(bottoms=[(2, 3, 2, 2), PIXELS[:, None]], oracle=likelihood, phase="TEST"),
        "axis_0": Case("softmax_param { axis: 0 }", [(3, 3), LABELS[:3]], oracle=partial(likelihood, axis=0)),
        "axis_2": Case(
            "softmax_param { axis: 2 } loss_param { normalization: BATCH_SIZE }",
            [(2, 2, 3, 2), PIXELS],
            oracle=partial(likelihood, axis=2, mode="BATCH_SIZE"),
        ),
        "negative_axis": Case("softmax_param { axis: -1 }", [(4, 3), LABELS], oracle=partial(likelihood, axis=-1)),
        "ignore": Case(param(IGNORE), [(4, 3), LABELS], oracle=partial(likelihood, ignore=1)),
        "ignore_no_class": Case(
            param("ignore_label: 255"), [(4, 3), np.array([2, 255, 255, 0])], oracle=partial(likelihood, ignore=255)
        ),
        "all_ignored": Case(param(IGNORE), [(2, 3), np.array([1, 1])], oracle=lambda bottoms, params: np.array(0.0)),
        "full": Case(
            param(IGNORE + "normalization: FULL"),
            [(2, 3, 2, 2), PIXELS],
            oracle=partial(likelihood, ignore=1, mode="FULL"),
        ),
        "batch_size": Case(
            param(IGNORE + "normalization: BATCH_SIZE"),
            [(2, 3, 2, 2), PIXELS],
            oracle=partial(likelihood, ignore=1, mode="BATCH_SIZE"),
        ),
        "none": Case(
            param("normalization: NONE"), [(2, 3, 2, 2), PIXELS], oracle=partial(likelihood, ignore=None, mode="NONE")
        ),
        "normalize": Case(param(IGNORE + "normalize: true"), [(4, 3), LABELS], oracle=partial(likelihood, ignore=1)),
        "do_not_normalize": Case(
            param(IGNORE + "normalize: false"),
            [(4, 3), LABELS],
            oracle=partial(likelihood, ignore=1, mode="BATCH_SIZE"),
        ),
        "normalization_wins": Case(
            param(IGNORE + "normalize: false normalization: VALID"),
            [(4, 3), LABELS],
            oracle=partial(likelihood, ignore=1),
        ),
        "class_weights": Case(
            param("weight_by_label_freqs: true ignore_label: 3 class_weighting: [0.5, 2, 1]"),
            [(2, 3, 2, 2), np.where(PIXELS == 0, 3, PIXELS)],
            oracle=partial(weighted, weights=[0.5, 2, 1], ignore=3),
        ),
        "class_frequencies": Case(
            param("weight_by_label_freqs: true"), [(2, 3, 2, 2), PIXELS], oracle=weighted, phase="TEST"
        ),
        "weights_alone": Case(param("class_weighting: [0.5, 2, 1]"), [(4, 3), LABELS], oracle=likelihood),
        "second_top": Case(
            bottoms=[(4, 3), LABELS], tops=2, top_diffs=[1.0, 0.0], oracle=partial(likelihood, second=True)
        ),
    }
    errors = {
        "records": ErrorCase(
            bottoms=[(4, 3), (3,)],
            message="""
            error: the bottoms differ in their number of records
              expected: two bottoms with the same first axis
              got:      shapes 4x3 and 3
            """,
        ),
        "count": ErrorCase(
            bottoms=[(4, 3), (4, 2)],
            message="""
            error: the number of labels does not fit the scores
              expected: 4 labels: one for each position of scores of shape 4x3
              got:      8, of shape 4x2
            """,
        ),
        "axis": ErrorCase(
            "softmax_param { axis: -3 }",
            [(4, 3), (4,)],
            message="""
            error: axis is out of range
              expected: axis from -2 to 1, for 2 axes
              got:      axis -3, bottom of shape 4x3
            """,
        ),
        "class_weights": ErrorCase(
            param("weight_by_label_freqs: true class_weighting: 2"),
            [(4, 3), (4,)],
            message="""
            error: class_weighting does not fit
              expected: 3, one for each class
              got:      1
            """,
        ),
        "no_classes": ErrorCase(
            bottoms=[(4, 0), (4,)],
            message="""
            error: there are no classes
              expected: axis 1 not empty
              got:      shape 4x0
            """,
        ),
        "label_too_large": ErrorCase(
            bottoms=[(4, 3), np.array([0, 1, 3, 0])],
            message="""
            error: a label is no class
              expected: a class from 0 to 2: the scores have 3
              got:      label 3 in record 2 of the batch

            hint: raise `num_output` of the layer that makes the scores, or set `ignore_label`
            """,
        ),
        "label_negative": ErrorCase(
            bottoms=[(2, 3, 2, 2), np.array([[0, 0, 0, 0], [0, -1, 0, 0]])],
            message="""
            error: a label is no class
              expected: a class from 0 to 2: the scores have 3
              got:      label -1 in record 1 of the batch, position 1
            """,
        ),
        "label_nan": ErrorCase(
            bottoms=[(2, 3), np.array([0, np.nan])],
            message="""
            error: a label is no class
              expected: a class from 0 to 2: the scores have 3
              got:      label nan in record 1 of the batch
            """,
        ),
    }


@pytest.mark.parametrize("label", [np.inf, -np.inf, 1e30, -1e30, 2147483648.0])
def test_no_label_reads_out_of_bounds(label):
    runner = LayerRunner(layer_text("SoftmaxWithLoss", bottoms=2), [(2, 3), np.array([label, 0])])
    with pytest.raises(DataError, match="record 0"):
        runner.forward()


def test_fractions_of_labels_are_cut_off():
    text, scores = layer_text("SoftmaxWithLoss", bottoms=2), np.array([[1.0, 2.0, 4.0], [3.0, 1.0, 0.0]])
    whole = LayerRunner(text, [scores, np.array([2.0, 0.0])]).forward()[0]
    assert LayerRunner(text, [scores, np.array([2.75, -0.5])]).forward()[0] == whole


def test_the_clamp_is_in_the_loss_and_not_in_the_gradient():
    runner = LayerRunner(layer_text("SoftmaxWithLoss", bottoms=2), [np.array([[0.0, 1000.0]]), np.zeros(1)])
    close(runner.forward()[0], np.array(-np.log(np.finfo(np.float32).tiny, dtype=np.float64)), 1e-12, "loss")
    assert runner.backward()[0].tolist() == [[-1.0, 1.0]]


def test_nan_scores_make_the_loss_nan():
    scores = np.array([[0.0, np.nan], [0.0, 1.0]])
    assert np.isnan(LayerRunner(layer_text("SoftmaxWithLoss", bottoms=2), [scores, np.zeros(2)]).forward()[0])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_many_pixels(dtype):
    random = np.random.default_rng(3)
    scores = random.standard_normal((2, 5, 60, 60))
    labels = random.integers(0, 6, (2, 60, 60))  # 5 is ignored
    runner = LayerRunner(
        layer_text("SoftmaxWithLoss", param("ignore_label: 5"), bottoms=2), [scores, labels], dtype=dtype
    )
    tolerance = 1e-12 if dtype is np.float64 else 1e-5
    close(runner.forward()[0], likelihood(runner.inputs, [], ignore=5)[0], tolerance, "loss")
    shares = likelihood(runner.inputs, [], ignore=5, second=True)[1]
    truth = np.where(labels[:, None] == 5, 0, shares - (np.arange(5)[:, None, None] == labels[:, None]))
    close(runner.backward()[0], truth / (labels != 5).sum(), tolerance, "diff")
    runner.inputs[1].flat[5000] = 7
    runner.inputs[1].flat[7000] = -7
    with pytest.raises(DataError, match="label 7 in record 1 of the batch, position 1400"):
        runner.forward(*runner.inputs)
