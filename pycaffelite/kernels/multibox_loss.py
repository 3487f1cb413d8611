"""The loss of offsets of boxes from priors."""

from __future__ import annotations

import math

from pycaffelite.kernels._jit import Array, kernel
from pycaffelite.kernels.boxes import CENTER_SIZE, CORNER, Numbers


@kernel(inner=True)
def _target(truth: Array, j: int, prior: Array, p: int, k: int, code: int) -> float:
    """Return number k of a true box as offset from a prior, before any variance."""
    first = k % 2
    side = prior[p, first + 2] - prior[p, first]
    if code == CENTER_SIZE:
        own = truth[j, first + 2] - truth[j, first]
        if k >= 2:
            return math.log(own / side)
        return ((truth[j, k] + truth[j, k + 2]) / 2 - (prior[p, k] + prior[p, k + 2]) / 2) / side  # type: ignore[no-any-return]
    distance = truth[j, k] - prior[p, k]
    return distance if code == CORNER else distance / side  # type: ignore[no-any-return]


@kernel()
def offset_losses(
    offsets: Array,
    slot: int,
    priors: Array,
    variances: Array,
    truths: Array,
    matches: Numbers,
    inside: Array,
    options: Numbers,
    losses: Array,
    slopes: Array,
) -> None:
    """Add the losses of matched priors to losses[p], and write their slopes by the offsets.

    Serial: a handful of priors of an image are matched.

    Args:
        offsets: (P, 4 L), in: L boxes for each prior.
        slot: Which of the L.
        priors: (P, 4), in.
        variances: (P, 4), in.
        truths: (G, 4), in: boxes that overlap the priors they are matched with.
        matches: (P,), in: numbers of true boxes; negative for none.
        inside: (P, 4), in: coordinates of these boxes beyond the image have no loss; (0, 4) for none.
        options: How boxes are encoded, whether targets are without variances (1 or 0), and whether the loss is half the
            square (1) or smooth (0).
        losses: (P,), in and out.
        slopes: (P, 4 L), out where matched.
    """
    for p in range(priors.shape[0]):
        if matches[p] < 0:
            continue
        for k in range(4):
            slopes[p, 4 * slot + k] = 0
            if inside.shape[0] > 0 and (inside[p, k] < 0 or inside[p, k] > 1):
                continue
            target = float(_target(truths, matches[p], priors, p, k, options[0]))
            offset, variance = float(offsets[p, 4 * slot + k]), float(variances[p, k])
            factor = 1 / variance if options[1] else 1.0
            difference = factor * (offset - target) if options[1] else offset - target / variance
            if options[2] or abs(difference) < 1:
                losses[p] += 0.5 * difference * difference
                slopes[p, 4 * slot + k] = factor * difference
            else:
                losses[p] += abs(difference) - 0.5
                slopes[p, 4 * slot + k] = factor if difference > 0 else (-factor if difference < 0 else difference)
