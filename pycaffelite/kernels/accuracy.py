"""How often the true class is among the k highest scores."""

from __future__ import annotations

import numpy as np

from pycaffelite.kernels._jit import kernel
from pycaffelite.kernels.label import IGNORED, read_label


@kernel()
def count_correct(
    scores: np.ndarray,
    labels: np.ndarray,
    has_ignore: bool,
    ignore_label: int,
    top_k: int,
    correct: np.ndarray,
    seen: np.ndarray,
) -> int:
    """Count, class by class, the labels not ignored and those of them that are right.

    A label is right if fewer than k other classes have a score that is not below the score of the true class: a tie
    counts against it, and so does NaN. Serial: it runs in tests only. Cost: at most one comparison an element. It
    stops at the first label that is no class.

    Args:
        scores: (N, C, I), in.
        labels: (N * I,), in: classes as floats.
        has_ignore: Whether a label is ignored.
        ignore_label: Which one.
        top_k: k.
        correct: int64 (C,), out: labels of this class that are right.
        seen: int64 (C,), out: labels of this class.

    Returns:
        The index of the first label that is no class, or -1.
    """
    _, channels, inner = scores.shape
    correct[:] = 0
    seen[:] = 0
    for column in range(labels.shape[0]):
        n, i = column // inner, column % inner
        label = read_label(labels[column], channels, has_ignore, ignore_label)
        if label >= 0:
            truth = scores[n, label, i]
            better = 0
            for c in range(channels):
                if c != label and not scores[n, c, i] < truth:
                    better += 1
                    if better >= top_k:
                        break
            seen[label] += 1
            if better < top_k:
                correct[label] += 1
        elif label != IGNORED:
            return column
    return -1
