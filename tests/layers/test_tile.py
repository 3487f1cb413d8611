from __future__ import annotations

import numpy as np

from pycaffelite.testing import Case, ErrorCase, LayerContract


class TestTile(LayerContract):
    type_name = "Tile"
    cases = {
        "channels": Case("tile_param { tiles: 3 }", oracle=lambda b, p: np.tile(b[0], (1, 3, 1, 1))),
        "records": Case("tile_param { axis: 0 tiles: 2 }", [(2, 3)], oracle=lambda b, p: np.tile(b[0], (2, 1))),
        "last": Case("tile_param { axis: -1 tiles: 2 }", oracle=lambda b, p: np.concatenate([b[0], b[0]], 3)),
        "once": Case("tile_param { tiles: 1 }", [(2, 3)], oracle=lambda b, p: b[0]),
    }
    errors = {
        "none": ErrorCase(
            message="""
            error: `tiles` is missing or not positive
              expected: tile_param { tiles: 2 }, or another number above 0
              got:      none
            """,
        ),
        "zero": ErrorCase(
            "tile_param { tiles: 0 }",
            message="""
            error: `tiles` is missing or not positive
              expected: tile_param { tiles: 2 }, or another number above 0
              got:      tiles 0
            """,
        ),
        "axis": ErrorCase(
            "tile_param { tiles: 2 axis: 4 }",
            message="""
            error: axis is out of range
              expected: axis from -4 to 3, for 4 axes
              got:      axis 4, bottom of shape 2x3x4x5
            """,
        ),
    }
