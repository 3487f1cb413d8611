from __future__ import annotations

import numpy as np
import pytest

from pycaffelite.errors import DataError
from pycaffelite.layers.base import DataOptions
from pycaffelite.testing import Case, ErrorCase, LayerContract, LayerRunner, layer_text

# image, class, score, left, top, right, bottom
FOUND = np.array(
    [
        [0, 1, 0.5, 0.0, 0.0, 0.5, 0.5],  # the second on the first true box: wrong
        [0, 1, 0.75, 0.0, 0.0, 0.5, 0.375],  # overlap 0.75: right
        [0, 1, 0.25, 0.5, 0.5, 1.0, 1.0],  # of a difficult box
        [0, 2, 0.875, 0.0, 0.0, 0.5, 0.5],  # no true box of class 2 here
        [1, 2, 0.625, 0.25, 0.25, 0.75, 0.5],  # overlap 0.5: right
        [2, 1, 0.125, 0.0, 0.0, 0.5, 0.5],  # no true box in this image
    ]
)
# image, class, number, left, top, right, bottom, difficult
TRUE = np.array(
    [
        [0, 1, 0, 0.0, 0.0, 0.5, 0.5, 0],
        [0, 1, 1, 0.5, 0.5, 1.0, 1.0, 1],
        [1, 2, 0, 0.25, 0.25, 0.75, 0.75, 0],
        [1, 1, 0, 0.25, 0.25, 0.75, 0.75, 0],
        [-1, 2, 0, 0.0, 0.0, 1.0, 1.0, 0],  # behind the end
    ]
)
ROWS = np.array(
    [
        [-1, 1, 3, -1, -1],
        [-1, 2, 1, -1, -1],
        [0, 1, 0.75, 1, 0],
        [0, 1, 0.5, 0, 1],
        [0, 1, 0.25, 1, 0],
        [0, 2, 0.875, 0, 1],
        [1, 2, 0.625, 1, 0],
        [2, 1, 0.125, 0, 1],
    ]
)


def changed(**rows):
    """The expected rows with some of them replaced."""
    expected = ROWS.copy()
    for name, row in rows.items():
        expected[int(name[1:])] = row
    return lambda bottoms, params: expected[None, None]


def param(text):
    return f"detection_evaluate_param {{ num_classes: 3 {text} }}"


def case(fields, oracle, found=FOUND, true=TRUE):
    return Case(fields, [found[None, None], true[None, None]], "TEST", oracle=oracle, gradients=False)


NOTHING = np.array([[0, -1, -1, -1, -1, -1, -1], [1, -1, -1, -1, -1, -1, -1]])


class TestDetectionEvaluate(LayerContract):
    type_name = "DetectionEvaluate"
    cases = {
        "default": case(param(""), changed()),
        "without_difficult": case(
            param("evaluate_difficult_gt: false"), changed(r0=[-1, 1, 2, -1, -1], r4=[0, 1, 0.25, 0, 0])
        ),
        "threshold": case(
            param("overlap_threshold: 0.76"),
            changed(r2=[0, 1, 0.75, 0, 1], r3=[0, 1, 0.5, 1, 0], r6=[1, 2, 0.625, 0, 1]),
        ),
        "nothing_found": case(param(""), lambda bottoms, params: ROWS[None, None, :2], NOTHING),
        "no_truth": case(
            param("background_label_id: 0"),
            lambda bottoms, params: np.array([[[[-1, 1, 0, -1, -1], [-1, 2, 0, -1, -1], [2, 1, 0.125, 0, 1]]]]),
            FOUND[5:],
            np.full((1, 8), -1),
        ),
    }
    errors = {
        "threshold": ErrorCase(
            param("overlap_threshold: 0"),
            [(1, 1, 2, 7), (1, 1, 2, 8)],
            message="""
            error: overlap_threshold is out of range
              expected: overlap_threshold above 0
              got:      0
            """,
        ),
        "shape": ErrorCase(
            param(""),
            [(1, 1, 2, 7), (1, 1, 2, 7)],
            message="""
            error: these are no boxes
              expected: 1 x 1 x M x 8
              got:      bottom of shape 1x1x2x7
            """,
        ),
        "no_number": ErrorCase(
            param(""),
            [np.where(FOUND == 2, np.nan, FOUND)[None, None], TRUE[None, None]],
            message="""
            error: a detection has no image or no class
              expected: numbers of both
              got:      no number
            """,
        ),
        "background": ErrorCase(
            param("background_label_id: 2"),
            [FOUND[None, None], TRUE[None, None]],
            message="""
            error: a detection is background
              expected: no class 2
              got:      one
            """,
        ),
    }


def in_pixels(tmp_path, fields, lines, found, true):
    (tmp_path / "sizes.txt").write_text(lines)
    text = layer_text("DetectionEvaluate", param(f'name_size_file: "sizes.txt" {fields}'), bottoms=2)
    return LayerRunner(
        text, [np.array(found)[None, None], np.array(true)[None, None]], "TEST", data=DataOptions(folder=tmp_path)
    )


def test_pixels_count_their_own_width(tmp_path):
    # 4 x 4 pixels: (1 + 1)(1 + 1) of (2 + 1)(2 + 1) are 4/9; without the pixel 1/4.
    found, true = [[0, 1, 1, 0, 0, 0.25, 0.25]], [[0, 1, 0, 0, 0, 0.5, 0.5, 0]]
    fields = "overlap_threshold: 0.44"
    [rows] = in_pixels(tmp_path, fields, "image 4 4\n", found, true).forward()
    assert rows[0, 0, -1].tolist() == [0, 1, 1, 1, 0]
    [rows] = in_pixels(tmp_path, "overlap_threshold: 0.45", "image 4 4\n", found, true).forward()
    assert rows[0, 0, -1].tolist() == [0, 1, 1, 0, 1]


def test_each_image_with_detections_takes_the_next_size(tmp_path):
    found = [[0, 1, 1, 0, 0, 0.25, 0.25], [1, 1, 1, 0, 0, 0.25, 0.25]]
    true = [[0, 1, 0, 0, 0, 0.5, 0.5, 0], [1, 1, 0, 0, 0, 0.5, 0.5, 0]]
    runner = in_pixels(tmp_path, "overlap_threshold: 0.44", "a 4 4\nb 400 400\n\nc 4 4\n", found, true)
    assert runner.forward()[0][0, 0, 2:, 3].tolist() == [1, 0]
    assert runner.layer.state() == {"seen": 2}
    assert runner.forward()[0][0, 0, 2:, 3].tolist() == [1, 1]
    runner.layer.restore({"seen": 1})
    assert runner.forward()[0][0, 0, 2:, 3].tolist() == [0, 1]


@pytest.mark.parametrize(
    ("size", "mode", "box"),
    [
        ("100 200", "WARP height: 300 width: 300", [0.25, 0.25, 0.5, 0.5]),
        ("100 200", "FIT_LARGE_SIZE_AND_PAD height: 300 width: 300", [0.25, 0.375, 0.5, 0.5]),  # rows 75 to 225
        ("200 100", "FIT_LARGE_SIZE_AND_PAD height: 300 width: 300", [0.375, 0.25, 0.5, 0.5]),
        ("100 200", "FIT_SMALL_SIZE height: 300 width: 300", [0.25, 0.25, 0.5, 0.5]),
        ("100 200", "FIT_SMALL_SIZE height_scale: 50 width_scale: 100", [0.5, 0.5, 1, 1]),
    ],
)
def test_boxes_go_back_to_the_original_image(tmp_path, size, mode, box):
    fields = f"resize_param {{ resize_mode: {mode} }}"
    runner = in_pixels(tmp_path, fields, f"a {size}\n", np.zeros((1, 7)), np.zeros((1, 8)))
    height, width = map(int, size.split())
    pixels = runner.layer._in_pixels(np.array([box]))
    np.testing.assert_allclose(pixels / [width, height, width, height], [[0.25, 0.25, 0.5, 0.5]])


def test_a_line_that_cannot_be_read(tmp_path):
    with pytest.raises(DataError, match="`image 4` in line 2"):
        in_pixels(tmp_path, "", "image 4 4\nimage 4\n", np.zeros((1, 7)), np.zeros((1, 8)))
