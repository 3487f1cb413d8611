from __future__ import annotations

import numpy as np

from pycaffelite.testing import Case, ErrorCase, LayerContract


def turned(*order):
    return lambda bottoms, params: np.einsum(bottoms[0], list(range(bottoms[0].ndim)), list(order)).copy()


def orders(*order):
    return "permute_param { " + " ".join(f"order: {axis}" for axis in order) + " }"


class TestPermute(LayerContract):
    type_name = "Permute"
    cases = {
        "channels_last": Case(orders(0, 2, 3, 1), oracle=turned(0, 2, 3, 1)),
        "channels_back": Case(orders(0, 3, 1, 2), [(2, 4, 5, 3)], oracle=turned(0, 3, 1, 2)),
        "named_in_part": Case(orders(2), oracle=turned(2, 0, 1, 3)),
        "nothing_named": Case(oracle=turned(0, 1, 2, 3)),
        "reversed": Case(orders(3, 2, 1, 0), oracle=turned(3, 2, 1, 0), phase="TEST"),
        "matrix": Case(orders(1, 0), [(19, 35)], oracle=turned(1, 0)),
        "five_axes": Case(orders(4, 0, 2, 1, 3), [(2, 3, 2, 2, 3)], oracle=turned(4, 0, 2, 1, 3)),
    }
    errors = {
        "twice": ErrorCase(
            orders(0, 2, 2),
            message="""
            error: an axis is named twice
              expected: each axis once in `order`
              got:      0, 2, 2
            """,
        ),
        "no_such_axis": ErrorCase(
            orders(0, 2, 3, 1),
            [(2, 3)],
            message="""
            error: there is no such axis
              expected: axes from 0 to 1 in `order`
              got:      axis 2, bottom of shape 2x3
            """,
        ),
    }
