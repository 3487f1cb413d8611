from __future__ import annotations

from functools import partial

import numpy as np

from pycaffelite.testing import Case, ErrorCase, LayerContract


def across(bottoms, params, size=5, alpha=1.0, beta=0.75, k=1.0):
    x = bottoms[0]
    reach = size // 2
    padded = np.pad(x**2, ((0, 0), (reach, reach), (0, 0), (0, 0)))
    sums = sum(padded[:, i : i + x.shape[1]] for i in range(size))
    return x * (float(np.float32(k)) + float(np.float32(alpha)) / size * sums) ** -float(np.float32(beta))


def within(bottoms, params, size=5, alpha=1.0, beta=0.75):
    x = bottoms[0]
    reach = size // 2
    padded = np.pad(x**2, ((0, 0), (0, 0), (reach, reach), (reach, reach)))
    height, width = x.shape[2:]
    sums = sum(padded[:, :, i : i + height, j : j + width] for i in range(size) for j in range(size))
    return x * (1 + float(np.float32(alpha)) / size**2 * sums) ** -float(np.float32(beta))


ODD = "local_size: 3 alpha: 0.3 beta: 0.6"


class TestLRN(LayerContract):
    type_name = "LRN"
    cases = {
        "default": Case(bottoms=[(2, 7, 3, 2)], oracle=across),
        "across": Case(f"lrn_param {{ {ODD} k: 2 }}", oracle=partial(across, size=3, alpha=0.3, beta=0.6, k=2)),
        "across_few": Case("lrn_param { local_size: 9 }", [(1, 3, 2, 2)], oracle=partial(across, size=9)),
        "within": Case(
            f"lrn_param {{ norm_region: WITHIN_CHANNEL {ODD} k: 7 }}",
            oracle=partial(within, size=3, alpha=0.3, beta=0.6),
        ),
        "within_small": Case(
            "lrn_param { norm_region: WITHIN_CHANNEL local_size: 9 }",
            [(2, 2, 3, 4)],
            phase="TEST",
            oracle=partial(within, size=9),
        ),
    }
    errors = {
        "even": ErrorCase(
            "lrn_param { local_size: 4 }",
            message="""
            error: local_size is even
              expected: an odd local_size, so that the neighbourhood has a middle
              got:      local_size 4

            hint: write `local_size: 5`
            """,
        ),
        "matrix": ErrorCase(
            bottoms=[(4, 3)],
            message="""
            error: LRN needs four axes
              expected: N x C x H x W
              got:      bottom of shape 4x3
            """,
        ),
    }
