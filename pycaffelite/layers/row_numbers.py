"""The family of layers with a bottom that holds the numbers of rows."""

from __future__ import annotations

import numpy as np

from pycaffelite.blob import Array, Blob
from pycaffelite.errors import DataError


def read_numbers(blob: Blob, rows: int, what: str, numbers: Array) -> None:
    """Write the blob's elements as whole numbers to `numbers`; DataError for one that is no row.

    Args:
        blob: The floats; what follows the point is cut off.
        rows: How many rows there are.
        what: What they are, for the error.
        numbers: int64, as many as the blob has elements.
    """
    with np.errstate(invalid="ignore"):  # NaN becomes a number that is no row
        np.copyto(numbers, blob.flat_data, casting="unsafe")
    wrong = np.flatnonzero((numbers < 0) | (numbers >= rows))
    if wrong.size:
        raise DataError(
            f"there is no {what} of this number",
            expected=f"numbers from 0 to {rows - 1}",
            got=f"{blob.flat_data[wrong[0]]:g}, element {wrong[0]} of the bottom",
        )
