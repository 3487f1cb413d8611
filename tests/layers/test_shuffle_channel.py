from __future__ import annotations

import numpy as np

from pycaffelite.testing import Case, ErrorCase, LayerContract


def dealt(group):
    def oracle(bottoms, params):
        x = bottoms[0]
        y = np.empty_like(x)
        size = x.shape[1] // group
        for channel in range(x.shape[1]):
            y[:, channel % size * group + channel // size] = x[:, channel]
        return y

    return oracle


class TestShuffleChannel(LayerContract):
    type_name = "ShuffleChannel"
    cases = {
        "default": Case(oracle=lambda bottoms, params: bottoms[0]),
        "three": Case("shuffle_channel_param { group: 3 }", [(2, 6, 2, 2)], oracle=dealt(3)),
        "matrix": Case("shuffle_channel_param { group: 2 }", [(2, 8)], oracle=dealt(2)),
    }
    errors = {
        "group": ErrorCase(
            "shuffle_channel_param { group: 0 }",
            message="""
            error: group is out of range
              expected: group of at least 1
              got:      0
            """,
        ),
        "channels": ErrorCase(
            "shuffle_channel_param { group: 2 }",
            message="""
            error: the channels cannot be dealt out
              expected: a multiple of group 2 as axis 1
              got:      bottom of shape 2x3x4x5
            """,
        ),
    }
