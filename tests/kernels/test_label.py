from __future__ import annotations

import numpy as np
import pytest

from pycaffelite.kernels.label import IGNORED, INVALID, read_label


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, 0),
        (2, 2),
        (2.9, 2),
        (-0.9, 0),
        (3, INVALID),
        (-1, INVALID),
        (1, IGNORED),
        (1.5, IGNORED),
        (np.nan, INVALID),
        (np.inf, INVALID),
        (-np.inf, INVALID),
        (4294967297.0, INVALID),  # 1, if its upper bits were lost
    ],
)
def test_read_label(value, expected, dtype):
    assert read_label(dtype(value), 3, True, 1) == expected


def test_the_ignored_label_counts_only_if_there_is_one():
    assert read_label(np.float32(1), 3, False, 1) == 1
    assert read_label(np.float32(-1), 3, False, -1) == INVALID
    assert read_label(np.float32(-1), 3, True, -1) == IGNORED
    assert read_label(np.float32(255), 3, True, 255) == IGNORED
