from __future__ import annotations

import numpy as np

from pycaffelite.kernels.region_loss import region_slopes

ANCHORS = np.array([[1.0, 1.0], [2.0, 1.0]])


def slopes_of(x, truths, **changes):
    names = ("object", "background", "class", "box", "limit", "by_anchor", "softmax", "rescore", "warm")
    values = dict(zip(names, (2.0, 0.5, 1.0, 4.0, 0.5, 1.0, 1.0, 0.0, 0.0), strict=True)) | changes
    slopes = np.full_like(x, 7)
    truths = np.array(truths, np.float64).reshape(1, -1, 5)
    region_slopes(x, truths, np.array([truths.shape[1]]), ANCHORS, np.array(list(values.values())), slopes)
    return slopes[0]


def test_background_is_doubted():
    slopes = slopes_of(np.zeros((1, 2, 7, 3, 4)), [])
    np.testing.assert_allclose(slopes[:, 4], 0.5 * 0.5 * 0.25)
    assert not slopes[:, :4].any()
    assert not slopes[:, 5:].any()


def test_a_true_box_teaches_the_anchor_of_its_shape():
    # On a map of 4 x 4 places the second anchor is 0.5 x 0.25; the box lies in place (1, 2), a quarter from the left.
    slopes = slopes_of(np.zeros((1, 2, 7, 4, 4)), [1, 0.5625, 0.375, 0.5, 0.5])
    own = slopes[1, :, 1, 2]
    scale = 4.0 * (2 - 0.25)
    np.testing.assert_allclose(own[:2], [scale * 0.25 * 0.25, 0])
    np.testing.assert_allclose(own[2:4], [0, -scale * np.log(2)])
    np.testing.assert_allclose(own[4], 2 * (0.5 - 1) * 0.25)
    np.testing.assert_allclose(own[5:], [0.5, -0.5])
    others = slopes.copy()
    others[1, :, 1, 2] = 0
    assert not others[:, :4].any()


def test_where_a_true_box_is_met_there_is_no_doubt():
    # The predictions of the second anchor at (1, 1) are 0.5 x 0.25 around (0.375, 0.375).
    slopes = slopes_of(np.zeros((1, 2, 7, 4, 4)), [0, 0.375, 0.375, 0.5, 0.25], rescore=1.0, limit=0.45)
    assert slopes[0, 4, 1, 1] == 0  # half of it
    np.testing.assert_allclose(slopes[1, 4, 1, 1], 2 * (0.5 - 1) * 0.25)
    np.testing.assert_allclose(slopes[1, 4, 1, 2], 0.5 * 0.5 * 0.25)


def test_boxes_are_pulled_to_their_anchors():
    x = np.random.default_rng(1).standard_normal((1, 2, 7, 3, 4))
    slopes, place = slopes_of(x, [], warm=1.0), 1 / (1 + np.exp(-x[0, :, :2]))
    np.testing.assert_allclose(slopes[:, 2:4], 0.01 * x[0, :, 2:4])
    np.testing.assert_allclose(slopes[:, :2], 0.01 * (place - 0.5) * place * (1 - place))


def test_a_centre_on_the_edge_belongs_to_the_last_place():
    slopes = slopes_of(np.zeros((1, 2, 7, 3, 4)), [0, 1.0, 1.0, 0.25, 0.25])
    assert slopes[:, 5:, 2, 3].any()
