from __future__ import annotations

from pycaffelite.testing import Case, ErrorCase, LayerContract


def weighed(bottoms, params):
    factors, x, z = bottoms
    return factors.reshape(factors.shape[:2] + (1,) * (x.ndim - 2)) * x + z


class TestAxpy(LayerContract):
    type_name = "Axpy"
    cases = {
        "default": Case(bottoms=[(2, 3), (2, 3, 4, 2), (2, 3, 4, 2)], oracle=weighed),
        "four_axes": Case(bottoms=[(2, 3, 1, 1), (2, 3, 4), (2, 3, 4)], oracle=weighed),
    }
    errors = {
        "channels": ErrorCase(
            bottoms=[(2, 4), (2, 3, 4), (2, 3, 4)],
            message="""
            error: the bottoms do not fit
              expected: N x C, N x C x any axes, and the latter again
              got:      2x4, 2x3x4, 2x3x4
            """,
        ),
    }
