from __future__ import annotations

import numpy as np
import pytest

from pycaffelite.kernels.accuracy import count_correct


@pytest.mark.parametrize("top_k", [1, 2, 3])
@pytest.mark.parametrize("has_ignore", [False, True])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_against_counting(dtype, has_ignore, top_k):
    random = np.random.default_rng(6)
    scores = random.integers(0, 4, (3, 3, 4)).astype(dtype)  # few values: many ties
    labels = random.integers(0, 3, 12).astype(dtype)
    right, total = np.zeros(3, int), np.zeros(3, int)
    for column, label in enumerate(labels.astype(int)):
        n, i = divmod(column, 4)
        if not (has_ignore and label == 2):
            total[label] += 1
            right[label] += (scores[n, :, i] >= scores[n, label, i]).sum() - 1 < top_k
    correct, seen = np.full(3, 9, np.int64), np.full(3, 9, np.int64)
    assert count_correct(scores, labels, has_ignore, 2, top_k, correct, seen) == -1
    assert correct.tolist() == right.tolist()
    assert seen.tolist() == total.tolist()


def test_the_first_wrong_label_is_told():
    counts = np.zeros(2, np.int64)
    assert count_correct(np.zeros((3, 2, 1)), np.array([0.0, 2.0, 7.0]), False, 0, 1, counts, counts.copy()) == 1
