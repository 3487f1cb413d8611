"""Boxes: overlap, decoding, matching and suppression.

A box is four numbers: left, top, right, bottom, with the image from 0 to 1. All kernels are serial: they take some ten
microseconds to some milliseconds for an image, and are called for one image at a time.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from pycaffelite.kernels._jit import Array, kernel

Numbers = npt.NDArray[np.int64]

# How boxes are encoded, as the schema numbers it.
CORNER, CENTER_SIZE, CORNER_SIZE = 1, 2, 3

UNMATCHED, LEFT_OUT = -1, -2  # instead of the number of a true box
_LEAST = 1e-6  # overlap that counts as one
_SMALL = 1e-5  # boxes smaller than this are dropped by `suppress_all`


@kernel(inner=True)
def area(boxes: Array, i: int) -> float:
    """Return the area of a box, 0 where its corners are the wrong way round."""
    if boxes[i, 2] < boxes[i, 0] or boxes[i, 3] < boxes[i, 1]:
        return boxes.dtype.type(0)  # type: ignore[no-any-return]
    return (boxes[i, 2] - boxes[i, 0]) * (boxes[i, 3] - boxes[i, 1])  # type: ignore[no-any-return]


@kernel(inner=True)
def overlap(a: Array, i: int, b: Array, j: int) -> float:
    """Return the area that two boxes share, over the area that they cover together."""
    width = min(a[i, 2], b[j, 2]) - max(a[i, 0], b[j, 0])
    height = min(a[i, 3], b[j, 3]) - max(a[i, 1], b[j, 1])
    if width > 0 and height > 0:
        shared = width * height
        return shared / (area(a, i) + area(b, j) - shared)  # type: ignore[no-any-return]
    return a.dtype.type(0)  # type: ignore[no-any-return]


@kernel()
def decode(offsets: Array, slot: int, priors: Array, variances: Array, code: int, plain: bool, boxes: Array) -> None:
    """Write the boxes that offsets from priors say.

    Args:
        offsets: (P, 4 L), in: L boxes for each prior.
        slot: Which of the L.
        priors: (P, 4), in.
        variances: (P, 4), in: factors on the offsets.
        code: CORNER, CENTER_SIZE or CORNER_SIZE.
        plain: Whether variances are left out.
        boxes: (P, 4), out.
    """
    one = boxes.dtype.type(1)
    for p in range(priors.shape[0]):
        width, height = priors[p, 2] - priors[p, 0], priors[p, 3] - priors[p, 1]
        for k in range(4):
            factor = one if plain else variances[p, k]
            offset = factor * offsets[p, 4 * slot + k]
            side = width if k % 2 == 0 else height
            if code == CORNER:
                boxes[p, k] = priors[p, k] + offset
            elif code == CORNER_SIZE:
                boxes[p, k] = priors[p, k] + offset * side
            elif k < 2:  # centre
                boxes[p, k] = offset * side + (priors[p, k] + priors[p, k + 2]) / 2
            else:  # half of the size
                boxes[p, k] = math.exp(offset) * side / 2
        if code == CENTER_SIZE:
            for k in range(2):
                center, half = boxes[p, k], boxes[p, k + 2]
                boxes[p, k] = center - half
                boxes[p, k + 2] = center + half


@kernel()
def match(
    truths: Array,
    boxes: Array,
    threshold: float,
    all_above: bool,
    inside_only: bool,
    matches: Numbers,
    overlaps: Array,
    best: Numbers,
    best_overlaps: Array,
) -> None:
    """Write which true box each box is matched with.

    Again and again the pair that overlaps most is taken, of equals that of the first box, then of the first true box;
    each box and each true box once. Then, with `all_above`, every other box gets the true box that it overlaps most.

    Args:
        truths: (G, 4), in.
        boxes: (P, 4), in.
        threshold: The overlap from which on `all_above` matches.
        all_above: See above.
        inside_only: Whether boxes that reach beyond the image are left out.
        matches: (P,), out: the number of a true box, UNMATCHED or LEFT_OUT.
        overlaps: (P,), out: the largest overlap, or that with the true box.
        best: (G,), scratch.
        best_overlaps: (G,), scratch.
    """
    best[:] = UNMATCHED
    best_overlaps[:] = 0
    for i in range(boxes.shape[0]):
        matches[i] = UNMATCHED
        overlaps[i] = 0
        outside = False
        for k in range(4):
            outside |= boxes[i, k] < 0 or boxes[i, k] > 1
        if inside_only and outside:
            matches[i] = LEFT_OUT
            continue
        for j in range(truths.shape[0]):
            shared = overlap(boxes, i, truths, j)
            if shared > _LEAST:
                overlaps[i] = max(overlaps[i], shared)
                if shared > best_overlaps[j]:
                    best[j], best_overlaps[j] = i, shared
    _match_pairs(truths, boxes, matches, overlaps, best, best_overlaps)
    if not all_above:
        return
    for i in range(boxes.shape[0]):
        if matches[i] == UNMATCHED and overlaps[i] >= threshold:
            largest = _LEAST
            for j in range(truths.shape[0]):
                shared = overlap(boxes, i, truths, j)
                if shared > largest:
                    matches[i], largest = j, shared


@kernel(inner=True)
def _match_pairs(
    truths: Array, boxes: Array, matches: Numbers, overlaps: Array, best: Numbers, best_overlaps: Array
) -> None:
    """Take the pair that overlaps most until there is none, given the best box of each true box."""
    while True:
        pick = -1
        for j in range(truths.shape[0]):
            if best[j] < 0:
                continue
            larger = pick < 0 or best_overlaps[j] > best_overlaps[pick]
            if larger or (best_overlaps[j] == best_overlaps[pick] and best[j] < best[pick]):
                pick = j
        if pick < 0:
            return
        taken = best[pick]
        matches[taken] = pick
        overlaps[taken] = best_overlaps[pick]
        best[pick] = LEFT_OUT
        for j in range(truths.shape[0]):
            if best[j] == taken:
                best[j], best_overlaps[j] = UNMATCHED, 0
                for i in range(boxes.shape[0]):
                    if matches[i] == UNMATCHED and overlaps[i] > best_overlaps[j]:
                        shared = overlap(boxes, i, truths, j)
                        if shared > _LEAST and shared > best_overlaps[j]:
                            best[j], best_overlaps[j] = i, shared


@kernel()
def suppress(boxes: Array, order: Numbers, threshold: float, eta: float, kept: Numbers) -> int:
    """Keep boxes that overlap none kept before by more than the threshold; return how many.

    Args:
        boxes: (P, 4), in.
        order: (K,), in: the boxes that take part, the best first.
        threshold: The overlap; times eta after each box kept, while it is above 0.5.
        eta: At most 1.
        kept: (K,), out: the boxes kept, in order.
    """
    count = 0
    for i in order:
        keep = True
        for k in range(count):
            if overlap(boxes, i, boxes, kept[k]) > threshold:
                keep = False
                break
        if keep:
            kept[count] = i
            count += 1
            if eta < 1 and threshold > 0.5:
                threshold *= eta
    return count


@kernel()
def suppress_all(boxes: Array, order: Numbers, threshold: float, most: int, kept: Numbers) -> int:
    """As `suppress`, but without tiny boxes, and no more than `most`, if that is not negative."""
    count = 0
    for i in order:
        if 0 <= most <= count:
            break
        keep = area(boxes, i) >= _SMALL
        for k in range(count):
            if overlap(boxes, i, boxes, kept[k]) > threshold:
                keep = False
                break
        if keep:
            kept[count] = i
            count += 1
    return count
