from __future__ import annotations

import numpy as np

from pycaffelite.testing import Case, ErrorCase, LayerContract

INDEX = np.array([2.0, 0, 2, 1, 2])


def oracle(bottoms, params):
    return bottoms[0][bottoms[1].astype(int)]


class TestBatchReindex(LayerContract):
    type_name = "BatchReindex"
    cases = {
        "four_axes": Case(bottoms=[(3, 2, 2, 2), INDEX], oracle=oracle),
        "numbers": Case(bottoms=[(4,), INDEX], oracle=oracle),
        "fewer": Case(bottoms=[(4, 2), np.array([3.0])], oracle=oracle),
    }
    errors = {
        "no_record": ErrorCase(
            bottoms=[(2, 3), INDEX],
            message="""
            error: there is no record of this number
              expected: numbers from 0 to 1
              got:      2, element 0 of the bottom
            """,
        ),
        "no_number": ErrorCase(
            bottoms=[(2, 3), np.array([0, np.nan])],
            message="""
            error: there is no record of this number
              expected: numbers from 0 to 1
              got:      nan, element 1 of the bottom
            """,
        ),
        "no_vector": ErrorCase(
            bottoms=[(2, 3), (2, 1)],
            message="""
            error: the bottoms are no records and their numbers
              expected: records of shape Nx..., and numbers of shape M
              got:      shapes 2x3 and 2x1
            """,
        ),
    }
