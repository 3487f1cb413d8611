from __future__ import annotations

from pycaffelite.testing import Case, ErrorCase, LayerContract


class TestCrop(LayerContract):
    type_name = "Crop"
    cases = {
        "default": Case(bottoms=[(2, 3, 6, 5), (1, 1, 4, 2)], oracle=lambda b, p: b[0][:, :, :4, :2]),
        "one_offset": Case(
            "crop_param { offset: 1 }", [(2, 3, 6, 5), (1, 1, 4, 2)], oracle=lambda b, p: b[0][:, :, 1:5, 1:3]
        ),
        "offsets": Case(
            "crop_param { axis: 1 offset: 1 offset: 0 offset: 3 }",
            [(2, 3, 6, 5), (9, 2, 4, 2)],
            oracle=lambda b, p: b[0][:, 1:3, :4, 3:],
        ),
        "from_the_back": Case("crop_param { axis: -1 }", [(2, 6), (1, 4)], oracle=lambda b, p: b[0][:, :4]),
        "all_axes": Case("crop_param { axis: 0 }", [(5, 6), (4, 1)], oracle=lambda b, p: b[0][:4, :1]),
        "reference_only": Case(bottoms=[(1, 1, 3, 3), (1, 1, 2, 2)], wanted=[False, True]),
    }
    errors = {
        "beyond": ErrorCase(
            "crop_param { offset: 3 }",
            [(2, 3, 6, 6), (2, 3, 4, 4)],
            message="""
            error: the piece reaches beyond axis 2
              expected: offset and length of at most 6 together, from shape 2x3x6x6
              got:      offset 3, length 4 of the reference 2x3x4x4
            """,
        ),
        "offsets": ErrorCase(
            "crop_param { axis: 1 offset: 3 offset: 3 }",
            [(2, 3, 6, 6), (2, 3, 4, 4)],
            message="""
            error: the number of offsets does not fit
              expected: 1, or 3, one for each axis from 1 on of 2x3x6x6
              got:      2
            """,
        ),
        "too_few_axes": ErrorCase(
            bottoms=[(2, 3, 6, 6), (2, 3, 4)],
            message="""
            error: the reference has too few axes
              expected: 4, as the first bottom of shape 2x3x6x6 has
              got:      shape 2x3x4
            """,
        ),
    }
