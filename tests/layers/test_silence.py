from __future__ import annotations

from pycaffelite.testing import Case, ErrorCase, LayerContract


class TestSilence(LayerContract):
    type_name = "Silence"
    cases = {
        "default": Case(bottoms=[(2, 3)], oracle=lambda bottoms, params: []),
        "three": Case(bottoms=[(2, 3), (4,), ()], wanted=[True, False, True], phase="TEST"),
    }
    errors = {
        "no_bottom": ErrorCase(
            bottoms=[],
            message="""
            error: wrong number of bottoms
              expected: at least 1
              got:      0
            """,
        ),
    }
