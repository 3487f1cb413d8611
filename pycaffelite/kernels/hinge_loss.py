"""How far scores stay behind a margin of 1, each class against all others.

A record has D scores s; with t = 1 for its own class and -1 for all others, its violations are max(0, 1 - t s).
Serial: a comparison and an addition an element, of which a net has few here.
"""

from __future__ import annotations

from pycaffelite.kernels._jit import Array, kernel
from pycaffelite.kernels.label import read_label


@kernel()
def sum_violations(scores: Array, labels: Array, classes: int, squared: bool) -> tuple[float, int]:
    """Return the sum of the violations or of their squares, in double.

    It stops at the first label that is no class.

    Args:
        scores: (N * D), in.
        labels: (N), in: classes as floats.
        classes: D.
        squared: Whether squares are summed.

    Returns:
        The sum, and the record whose label is no class, or -1.
    """
    total = 0.0
    for n in range(scores.size // classes):
        label = read_label(labels[n], classes, False, 0)
        if label < 0:
            return total, n
        for d in range(classes):
            score = float(scores[n * classes + d])
            violation = 1.0 - score if d == label else 1.0 + score
            # Not max(): NaN must stay NaN.
            violation = 0.0 if violation < 0 else violation
            total += violation * violation if squared else violation
    return total, -1


@kernel()
def violation_gradient(scores: Array, labels: Array, classes: int, squared: bool, scale: float, diff: Array) -> None:
    """Write scale times the slope of the sum; 0 where the margin is kept or met exactly.

    Labels must have passed `sum_violations`.

    Args:
        scores: (N * D), in.
        labels: (N), in.
        classes: D.
        squared: Whether squares were summed.
        scale: The loss weight over N.
        diff: (N * D), out.
    """
    one = diff.dtype.type(1)
    factor = diff.dtype.type(2 * scale if squared else scale)
    for n in range(scores.size // classes):
        label = read_label(labels[n], classes, False, 0)
        for d in range(classes):
            i = n * classes + d
            slope = -factor if d == label else factor
            violation = one - scores[i] if d == label else one + scores[i]
            if violation <= 0:
                diff[i] = 0
            else:
                diff[i] = slope * violation if squared else slope
