from __future__ import annotations

import numpy as np

from pycaffelite.testing import Case, ErrorCase, LayerContract

REGIONS = np.zeros((6, 5))
REGIONS[:, 0] = [0, 0, 0, 1, 1, 0]
LOSSES = np.array([3.0, 5, 3, 1, 2, 3])
LABELS = np.array([1.0, 2, 0, 3, 0, 1])


def rows(kept, ignored=-1):
    def oracle(bottoms, params):
        labels, weights = bottoms[2].copy(), bottoms[3].copy()
        for r in range(6):
            if r not in kept:
                labels[r], weights[r] = ignored, 0
        return [labels, weights]

    return oracle


def param(text):
    return f"box_annotator_ohem_param {{ {text} }}"


def case(text, oracle, bottoms):
    return Case(param(text), bottoms, oracle=oracle, gradients=False)


def places(bottoms, params):
    """Two places for each region; four numbers an image to choose from."""
    regions, losses, labels, weights = (bottom.copy() for bottom in bottoms)
    for image in (0, 1):
        own = [(losses[r, 0, i, 0], r, i) for r in range(3) for i in range(2) if regions[r, 0, i, 0] == image]
        for _, r, i in sorted(own, key=lambda each: -each[0])[2:]:
            labels[r, 0, i], weights[r, :, i] = 9, 0
    return [labels, weights]


OF_PLACES = [np.arange(3 * 5 * 2).reshape(3, 5, 2, 1) % 2, (3, 1, 2, 1), (3, 1, 2, 1), (3, 4, 2, 1)]


class TestBoxAnnotatorOHEM(LayerContract):
    type_name = "BoxAnnotatorOHEM"
    cases = {
        "one": case("roi_per_img: 1", rows([1, 4]), [REGIONS, LOSSES, LABELS, (6, 8)]),
        "of_equals_the_first": case(
            "roi_per_img: 3 ignore_label: 255",
            rows([1, 0, 2, 3, 4], 255),
            [REGIONS, LOSSES[:, None], LABELS[:, None], (6, 8)],
        ),
        "all": case("roi_per_img: 9", rows(range(6)), [REGIONS, LOSSES, LABELS, (6, 8)]),
        "axes_of_one": case(
            "roi_per_img: 1", rows([1, 4]), [REGIONS, LOSSES.reshape(6, 1, 1, 1), LABELS[:, None], (6, 8, 1, 1)]
        ),
        "places": case("roi_per_img: 2 ignore_label: 9", places, OF_PLACES),
    }
    errors = {
        "no_number": ErrorCase(
            "",
            [REGIONS, LOSSES, LABELS, (6, 8)],
            tops=2,
            message="""
            error: roi_per_img is missing or 0
              expected: how many regions of an image are kept
              got:      0
            """,
        ),
        "shapes": ErrorCase(
            param("roi_per_img: 2"),
            [REGIONS, LOSSES, (6, 2), (6, 8)],
            tops=2,
            message="""
            error: the bottoms do not fit
              expected: R x 5, R x 1, R x 1 and R x C, with the same further axes
              got:      6x5, 6, 6x2, 6x8
            """,
        ),
        "image": ErrorCase(
            param("roi_per_img: 2"),
            [REGIONS - 1, LOSSES, LABELS, (6, 8)],
            tops=2,
            message="""
            error: a region of interest lies in no image
              expected: image numbers from 0 on
              got:      image -1, in region 0
            """,
        ),
    }
