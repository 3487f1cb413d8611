from __future__ import annotations

import numpy as np

from pycaffelite.testing import Case, ErrorCase, LayerContract, LayerRunner, close, layer_text
from pycaffelite.testing.gradients import check_gradients

LABELS = np.array([0, 2, 2, 0], float)
FIELDS = "center_loss_param { num_output: 3 }"


def half_distance(bottoms, params):
    x = bottoms[0].reshape(4, -1)
    return np.array(((x - params[0][bottoms[1].astype(int)]) ** 2).sum() / 8)


class TestCenterLoss(LayerContract):
    type_name = "CenterLoss"
    # What moves the centres is no gradient: see below.
    cases = {
        "default": Case(FIELDS, [(4, 5), LABELS], oracle=half_distance, gradients=False),
        "weight": Case("loss_weight: 0.1 " + FIELDS, [(4, 2, 3), LABELS], oracle=half_distance, gradients=False),
        "later_axis": Case(
            "center_loss_param { num_output: 3 axis: 2 }", [(2, 2, 3), LABELS], oracle=half_distance, gradients=False
        ),
    }
    errors = {
        "label": ErrorCase(
            FIELDS,
            [(1, 3), np.array([-1.0])],
            message="""
            error: a label is no class
              expected: a class from 0 to 2: the scores have 3
              got:      label -1 in record 0 of the batch
            """,
        ),
        "labels": ErrorCase(
            FIELDS,
            [(2, 3), (3,)],
            message="""
            error: the labels do not fit the features
              expected: 2 labels, for features of shape 2x3
              got:      labels of shape 3
            """,
        ),
    }


def runner(wanted=True):
    made = LayerRunner(layer_text("CenterLoss", "loss_weight: 0.25 " + FIELDS, bottoms=2), [(4, 5), LABELS])
    made.layer.wanted_params = [wanted]
    return made


def test_the_gradient_of_the_features():
    check_gradients(runner(wanted=False))


def test_unwanted_diffs_are_left_alone():
    made = runner(wanted=False)
    made.forward()
    made.wanted = [False, False]
    for blob in (made.bottom[0], made.layer.params[0]):
        blob.diff[...] = 7
    made.backward()
    assert (made.bottom[0].diff == 7).all()
    assert (made.layer.params[0].diff == 7).all()


def test_centres_are_drawn_to_their_class():
    made = runner()
    made.forward()
    x, centers, diff = made.inputs[0], made.layer.params[0].data, made.layer.params[0].diff
    expected = np.zeros((3, 5))
    expected[0] = (centers[0] - x[0] + centers[0] - x[3]) / 3
    expected[2] = (centers[2] - x[1] + centers[2] - x[2]) / 3
    for times in (1, 2):
        made.backward()
        close(diff, times * expected, 1e-13, "diff of the centres")
