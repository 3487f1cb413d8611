from __future__ import annotations

import numpy as np
import pytest

from pycaffelite.layers.average_precision import AveragePrecision
from pycaffelite.layers.base import Context
from pycaffelite.layers.registry import layer_class
from pycaffelite.testing import LayerRunner, layer_text

# Right, wrong, right, right, wrong of four true boxes: recalls 1/4, 2/4, 3/4.
ROWS = np.array([[1, 0.9, 1, 0], [1, 0.8, 0, 1], [1, 0.5, 1, 0], [1, 0.3, 1, 0], [1, 0.2, 0, 1]])


def precision_of(version, rows=ROWS, counts=((1, 4),)):
    found = AveragePrecision(version)
    labels, numbers = np.array(counts).T
    found.count(labels, numbers)
    for part in np.array_split(np.random.default_rng(1).permutation(rows), 3):
        found.judge(part)
    return found.mean()


def test_three_ways_to_average():
    assert precision_of("Integral") == pytest.approx((1 + 2 / 3 + 3 / 4) / 4)
    assert precision_of("MaxIntegral") == pytest.approx((1 + 3 / 4 + 3 / 4) / 4)
    # Recalls of 0, 0.1, 0.2 are met with precision 1, 0.3 to 0.7 with 3/4, 0.8 and more never.
    assert precision_of("11point") == pytest.approx((3 + 5 * 3 / 4) / 11)


@pytest.mark.parametrize("version", ["Integral", "MaxIntegral", "11point"])
def test_extremes(version):
    right = ROWS[ROWS[:, 2] == 1]
    assert precision_of(version, right, ((1, 3),)) == pytest.approx(1)
    assert precision_of(version, right, ((1, 3), (2, 5))) == pytest.approx(0.5)  # nothing found of class 2
    assert precision_of(version, right, ((1, 0),)) == 0
    assert precision_of(version, ROWS[:0]) == 0
    assert AveragePrecision(version).mean() == 0
    neither = np.array([[1, 0.95, 0, 0]])
    assert precision_of(version, np.concatenate((ROWS, neither))) == precision_of(version)


def test_what_the_layers_tell():
    top = np.array([[-1, 1, 2, -1, -1], [-1, 2, 1, -1, -1], [0, 1, 0.9, 1, 0], [1, 1, 0.8, 0, 1], [1, 2, 0.5, 1, 0]])
    text = layer_text("DetectionEvaluate", "detection_evaluate_param { num_classes: 3 }", bottoms=2)
    tally = LayerRunner(text, [(1, 1, 1, 7), (1, 1, 1, 8)]).layer.tally("Integral")
    tally.add(top[None, None])
    tally.add(top[None, None, :2])
    assert tally.value() == pytest.approx((1 / 4 + 1 / 2) / 2)

    fields = "eval_detection_param { side: 1 num_class: 2 num_object: 1 biases: 1 biases: 1 }"
    text = layer_text("EvalDetection", fields, bottoms=2)
    tally = LayerRunner(text, [(1, 7, 1, 1), (1, 5)]).layer.tally("Integral")
    tally.add(np.array([[1, 1, 0, 0.5, 1, 0], [1, 0, 0, 0.75, 0, 1]]))
    assert tally.value() == pytest.approx((1 / 2 * 1 / 2 + 0) / 2)


def test_most_layers_have_means():
    message = LayerRunner(layer_text("ReLU"), [(2, 3)]).layer.message
    assert layer_class("ReLU")(message, Context()).tally("Integral") is None
