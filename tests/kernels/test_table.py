from __future__ import annotations

import numpy as np
import pytest

from pycaffelite.kernels import table


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rows_of_a_table(dtype):
    numbers = np.array([2, 0, 2])
    whole, rows = np.arange(6, dtype=dtype).reshape(3, 2), np.empty((3, 2), dtype)
    table.take_rows(whole, numbers, rows)
    assert rows.tolist() == [[4, 5], [0, 1], [4, 5]]
    table.add_rows(rows, numbers, whole)
    assert whole.tolist() == [[0, 2], [2, 3], [12, 15]]
