"""Reading class labels, which are stored as floats like everything else."""

from __future__ import annotations

from typing import Any

from pycaffelite.kernels._jit import kernel

IGNORED = -1
INVALID = -2

_LARGEST = 2147483648.0  # no conversion to an integer is defined for what lies beyond it, or for NaN


@kernel()
def read_label(value: Any, classes: int, has_ignore: bool, ignore_label: int) -> int:
    """Return the class that a label names, IGNORED, or INVALID for what is no class; fractions are cut off.

    The label to ignore need not be a class. Serial; constant time.
    """
    if not abs(value) < _LARGEST:
        return INVALID
    label = int(value)
    if has_ignore and label == ignore_label:
        return IGNORED
    if label < 0 or label >= classes:
        return INVALID
    return label
