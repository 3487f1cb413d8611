from __future__ import annotations

from functools import partial

import numpy as np

from pycaffelite.testing import Case, ErrorCase, LayerContract


def mean_distance(bottoms, params):
    a, b = (bottom.reshape(len(bottom), -1) for bottom in bottoms)
    return np.array(np.abs(a - b).sum() / len(a))


def flow(bottoms, params, factor=1.0, epsilon=0.01, plateau=0.0, entries=False, lengths=True):
    d = bottoms[0] - (bottoms[1] if len(bottoms) > 1 else 0)
    divisor = np.count_nonzero(~np.isnan(d)) / d.shape[1] if entries else len(d)
    d = np.nan_to_num(d)
    if not lengths:
        return np.array(np.sum(abs(d)[abs(d) >= plateau]) / divisor)
    squares = factor * (d**2).sum(1)
    squares[squares < plateau**2] = 0
    return np.array(np.sqrt(squares + float(np.float32(epsilon))).sum() / divisor)


GAPS = np.random.default_rng(0).standard_normal((2, 3, 2, 2))
GAPS[0, 1, 1] = np.nan


class TestL1Loss(LayerContract):
    type_name = "L1Loss"
    cases = {
        "default": Case(bottoms=[(4, 3), (4, 3)], oracle=mean_distance, skip_kinks=True),
        "weight": Case("loss_weight: 0.2", [(2, 3, 2, 2), (2, 3, 2, 2)], phase="TEST", oracle=mean_distance),
        "second_only": Case(bottoms=[(4, 3), (4, 3)], wanted=[False, True], oracle=mean_distance),
        "shapes_differ": Case(bottoms=[(2, 6), (2, 3, 2)], oracle=mean_distance),
        "lengths": Case("l1_loss_param { l2_per_location: true }", [(2, 3, 2, 2), (2, 3, 2, 2)], oracle=flow),
        "lengths_of_one": Case(
            "l1_loss_param { l2_per_location: true l2_prescale_by_channels: true epsilon: 0.5 }",
            [(2, 3, 4)],
            oracle=partial(flow, factor=1 / 3, epsilon=0.5),
        ),
        "gaps": Case(
            "l1_loss_param { l2_per_location: true normalize_by_num_entries: true }",
            [(2, 3, 2, 2), GAPS],
            wanted=[True, False],
            oracle=partial(flow, entries=True),
        ),
        "plateau": Case(
            "l1_loss_param { plateau: 0.5 }",
            [(2, 3, 2, 2), (2, 3, 2, 2)],
            oracle=partial(flow, plateau=0.5, lengths=False),
            skip_kinks=True,
        ),
        "plateau_of_lengths": Case(
            "l1_loss_param { plateau: 2 l2_per_location: true }",
            [(2, 3, 2, 2), (2, 3, 2, 2)],
            oracle=partial(flow, plateau=2),
            skip_kinks=True,
        ),
    }
    errors = {
        "records": ErrorCase(
            bottoms=[(2, 3), (3, 3)],
            message="""
            error: the bottoms differ in their number of records
              expected: two bottoms with the same first axis
              got:      shapes 2x3 and 3x3
            """,
        ),
        "alone": ErrorCase(
            bottoms=[(2, 3)],
            message="""
            error: there is nothing to compare with
              expected: two bottoms
              got:      one
            """,
        ),
        "flow": ErrorCase(
            "l1_loss_param { l2_per_location: true }",
            bottoms=[(2, 3), (2, 1, 3)],
            message="""
            error: the bottoms do not fit
              expected: N x channels x any axes, twice
              got:      2x3, 2x1x3
            """,
        ),
        "epsilon": ErrorCase(
            "l1_loss_param { epsilon: -1 }",
            bottoms=[(2, 3), (2, 3)],
            message="""
            error: epsilon is out of range
              expected: at least 0
              got:      -1
            """,
        ),
        "elements": ErrorCase(
            bottoms=[(2, 3), (2, 4)],
            message="""
            error: the bottoms differ in their number of elements a record
              expected: 3, as in bottom 0 of shape 2x3
              got:      4, in bottom 1 of shape 2x4
            """,
        ),
    }
