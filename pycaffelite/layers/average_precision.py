"""The mean average precision of detections that are known to be right or wrong."""

from __future__ import annotations

import numpy as np

from pycaffelite.blob import Array

_POINTS = 11  # recalls at which "11point" looks


class AveragePrecision:
    """Collects detections of many images, and averages their precision over recalls, class by class.

    Args:
        version: "Integral": precision over recall is summed as it is; "MaxIntegral": each precision is the largest at
            its recall or beyond; "11point": the mean of the largest at recalls of 0, 0.1, ... 1 or beyond.
    """

    def __init__(self, version: str) -> None:
        self.version = version
        self._counts: dict[int, int] = {}
        self._rows: list[Array] = []

    def count(self, labels: Array, counts: Array) -> None:
        """Add to the number of true boxes of each class."""
        for label, number in zip(labels.astype(int).tolist(), counts.astype(int).tolist(), strict=True):
            self._counts[label] = self._counts.get(label, 0) + number

    def judge(self, rows: Array) -> None:
        """Take detections: class, score, 1 if right, 1 if wrong; those that are neither do not count."""
        self._rows.append(rows[rows[:, 2] + rows[:, 3] > 0].astype(np.float64))

    def mean(self) -> float:
        """Return the mean of the average precisions of all classes."""
        if not self._counts:
            return 0.0
        rows = np.concatenate([*self._rows, np.zeros((0, 4))])
        return sum(self._of_class(rows[rows[:, 0] == label], total) for label, total in self._counts.items()) / len(
            self._counts
        )

    def _of_class(self, rows: Array, total: int) -> float:
        """Return the average precision of one class, which has this many true boxes."""
        if not len(rows) or not total:
            return 0.0
        rows = rows[np.argsort(-rows[:, 1], kind="stable")]
        right, wrong = rows[:, 2].cumsum(), rows[:, 3].cumsum()
        precision, recall = right / (right + wrong), right / total
        best = np.maximum.accumulate(precision[::-1])[::-1]  # at this recall or beyond
        if self.version == "11point":
            points = np.searchsorted(recall, np.arange(_POINTS) / (_POINTS - 1) - 1e-9)
            return float(np.append(best, 0.0)[points].sum() / _POINTS)
        heights = best if self.version == "MaxIntegral" else precision
        return float((np.diff(recall, prepend=0.0) * heights).sum())
