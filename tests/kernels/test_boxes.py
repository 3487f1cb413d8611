from __future__ import annotations

import math

import numpy as np
import pytest

from pycaffelite.kernels import boxes
from pycaffelite.kernels.boxes import CENTER_SIZE, CORNER, CORNER_SIZE, LEFT_OUT, UNMATCHED

RANDOM = np.random.default_rng(5)


def share(a, b):
    """Overlap of two boxes, by counting the cells of a fine grid would be the same; here by their edges."""
    width = max(0.0, min(a[2], b[2]) - max(a[0], b[0]))
    height = max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
    both = sum(max(0.0, box[2] - box[0]) * max(0.0, box[3] - box[1]) for box in (a, b)) - width * height
    return width * height / both if width * height > 0 else 0.0


def random_boxes(count, dtype=np.float64):
    corner, size = RANDOM.uniform(0, 0.7, (count, 2)), RANDOM.uniform(0.05, 0.4, (count, 2))
    return np.hstack((corner, corner + size)).astype(dtype)


def matched(truths, places, threshold=0.5, all_above=True, inside_only=False):
    matches, overlaps = np.zeros(len(places), np.int64), np.zeros(len(places), places.dtype)
    best, best_overlaps = np.zeros(len(truths), np.int64), np.zeros(len(truths), places.dtype)
    boxes.match(truths, places, threshold, all_above, inside_only, matches, overlaps, best, best_overlaps)
    return matches, overlaps


def match_slowly(truths, places, threshold, all_above):
    """All pairs in a table; the largest is looked for again each time."""
    table = np.array([[share(box, truth) for truth in truths] for box in places])
    matches, overlaps = np.full(len(places), UNMATCHED), table.max(1)
    left = table.copy()
    while left.max() > 1e-6:
        i, j = np.unravel_index(np.argmax(left), left.shape)
        matches[i], overlaps[i] = j, left[i, j]
        left[i], left[:, j] = 0, 0
    for i in range(len(places)):
        if all_above and matches[i] == UNMATCHED and table[i].max() >= threshold:
            matches[i] = np.argmax(table[i])
    return matches, overlaps


@pytest.mark.parametrize("all_above", [False, True])
def test_matching(all_above):
    for trial in range(20):
        truths, places = random_boxes(1 + trial % 6), random_boxes(5 + 7 * trial)
        found, right = matched(truths, places, 0.3, all_above), match_slowly(truths, places, 0.3, all_above)
        np.testing.assert_array_equal(found[0], right[0])
        np.testing.assert_allclose(found[1], right[1], atol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_of_equal_overlaps_the_first_box_then_the_first_true_box_is_taken(dtype):
    square = np.array([[0.25, 0.25, 0.75, 0.75]], dtype)
    matches, overlaps = matched(np.repeat(square, 2, 0), np.repeat(square, 4, 0), all_above=False)
    assert matches.tolist() == [0, 1, UNMATCHED, UNMATCHED]
    assert overlaps.tolist() == [1, 1, 1, 1]
    assert matched(square, square.repeat(3, 0))[0].tolist() == [0, 0, 0]


def test_boxes_beyond_the_image_are_left_out():
    places = np.array([[-0.1, 0, 0.5, 0.5], [0, 0, 0.4, 0.4]])
    matches, overlaps = matched(np.array([[0, 0, 0.5, 0.5]]), places, inside_only=True)
    assert matches.tolist() == [LEFT_OUT, 0]
    assert overlaps[0] == 0


def test_no_true_box_and_no_overlap():
    places = random_boxes(3)
    assert matched(np.zeros((0, 4)), places)[0].tolist() == [UNMATCHED] * 3
    away = np.array([[2.0, 2.0, 3.0, 3.0], [0.5, 0.5, 0.4, 0.4]])  # elsewhere, and the wrong way round
    matches, overlaps = matched(away, places)
    assert matches.tolist() == [UNMATCHED] * 3
    assert not overlaps.any()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("plain", [False, True])
@pytest.mark.parametrize("code", [CORNER, CENTER_SIZE, CORNER_SIZE])
def test_decoding(code, plain, dtype):
    priors, offsets = random_boxes(6, dtype), RANDOM.standard_normal((6, 8)).astype(dtype)
    variances, decoded = np.full((6, 4), 0.25, dtype), np.empty((6, 4), dtype)
    boxes.decode(offsets, 1, priors, variances, code, plain, decoded)
    for prior, all_offsets, found in zip(priors, offsets, decoded, strict=True):
        a, b, c, d = all_offsets[4:] * (1 if plain else 0.25)
        width, height = prior[2] - prior[0], prior[3] - prior[1]
        if code == CORNER:
            right = prior + np.array([a, b, c, d])
        elif code == CORNER_SIZE:
            right = prior + np.array([a * width, b * height, c * width, d * height])
        else:
            x, y = (prior[0] + prior[2]) / 2 + a * width, (prior[1] + prior[3]) / 2 + b * height
            w, h = math.exp(c) * width, math.exp(d) * height
            right = [x - w / 2, y - h / 2, x + w / 2, y + h / 2]
        np.testing.assert_allclose(found, right, rtol=2e-5, atol=1e-6)


def test_suppression():
    places = np.array([[0, 0, 0.5, 0.5], [0, 0, 0.5, 0.4], [0.6, 0.6, 1, 1], [0, 0, 0.5, 0.25], [0.6, 0.6, 1, 0.9]])
    order, kept = np.array([1, 0, 3, 4, 2]), np.zeros(5, np.int64)
    # Overlaps: 0 and 1: 0.8, 1 and 3: 0.625, 0 and 3: 0.5, 2 and 4: 0.75.
    assert kept[: boxes.suppress(places, order, 0.7, 1.0, kept)].tolist() == [1, 3, 4]
    assert kept[: boxes.suppress(places, order, 0.78, 1.0, kept)].tolist() == [1, 3, 4, 2]
    assert kept[: boxes.suppress(places, order, 0.78, 0.9, kept)].tolist() == [1, 3, 4]
    assert kept[: boxes.suppress_all(places, order, 0.7, 2, kept)].tolist() == [1, 3]
    assert boxes.suppress_all(places, order, 0.7, 0, kept) == 0
    places[3] = [0.2, 0.2, 0.2, 0.2]
    assert kept[: boxes.suppress_all(places, order, 0.7, -1, kept)].tolist() == [1, 4]
