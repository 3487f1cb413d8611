from __future__ import annotations

import math

import numpy as np

from pycaffelite.testing import Case, ErrorCase, LayerContract, LayerRunner, layer_text


def laid(bottoms, params, sides, variance, image=None, step=None, offset=0.5, clip=False):
    """Box by box, from widths and heights that each test writes down itself."""
    height, width = bottoms[0].shape[-2:]
    image_height, image_width = image or bottoms[1].shape[-2:]
    step_height, step_width = step or (image_height / height, image_width / width)
    boxes = []
    for h in range(height):
        for w in range(width):
            for box_width, box_height in sides:
                x, y = (w + offset) * step_width, (h + offset) * step_height
                boxes += [(x - box_width / 2) / image_width, (y - box_height / 2) / image_height]
                boxes += [(x + box_width / 2) / image_width, (y + box_height / 2) / image_height]
    boxes = np.array(boxes)
    if clip:
        boxes = np.minimum(np.maximum(boxes, 0), 1)
    return np.array([boxes, list(variance) * (len(boxes) // len(variance))])[None]


# The top is float32 in any net, as the fork's is when it is made.
class Rounded:
    def __init__(self, **options):
        self.options = options

    def __call__(self, bottoms, params):
        return np.float32(laid(bottoms, params, **self.options)).astype(np.float64)


A, B, R = 32, math.sqrt(32 * 50), math.sqrt(2)
BOTTOMS = [(2, 3, 2, 4), (2, 3, 96, 128)]


def param(text):
    return f"prior_box_param {{ {text} }}"


OF_SSD = "min_size: 32 max_size: 50 aspect_ratio: 2 flip: true variance: 0.1 variance: 0.1 variance: 0.2 variance: 0.2"


class TestPriorBox(LayerContract):
    type_name = "PriorBox"
    cases = {
        "one_square": Case(
            param("min_size: 32.9"), BOTTOMS, oracle=Rounded(sides=[(A, A)], variance=[0.1]), gradients=False
        ),
        "clip": Case(
            param("min_size: 100 clip: true offset: 0.25 variance: 0.5"),
            BOTTOMS,
            oracle=Rounded(sides=[(100, 100)], variance=[0.5], clip=True, offset=0.25),
            gradients=False,
        ),
        "without_max": Case(
            param(
                "min_size: 32 min_size: 50 aspect_ratio: 4 aspect_ratio: 4 aspect_ratio: 1 flip: false img_size: 128"
            ),
            BOTTOMS,
            oracle=Rounded(
                sides=[(32, 32), (64, 16), (50, 50), (100, 25)], variance=[0.1], image=(128, 128), step=(64, 32)
            ),
            gradients=False,
        ),
        "step": Case(
            param("min_size: 32 step_h: 20 step_w: 24 img_h: 48 img_w: 80"),
            [(1, 1, 2, 2), (1,) * 4],
            oracle=Rounded(sides=[(32, 32)], variance=[0.1], image=(48, 80), step=(20, 24)),
            phase="TEST",
            gradients=False,
        ),
    }
    errors = {
        "no_size": ErrorCase(
            "",
            BOTTOMS,
            message="""
            error: min_size is missing or out of range
              expected: one min_size or more, above 0
              got:      none
            """,
        ),
        "max_size": ErrorCase(
            param("min_size: 30 max_size: 20"),
            BOTTOMS,
            message="""
            error: max_size does not fit min_size
              expected: as many as min_size, each larger
              got:      min_size 30, max_size 20
            """,
        ),
        "variance": ErrorCase(
            param("min_size: 30 variance: 0.1 variance: 0.2"),
            BOTTOMS,
            message="""
            error: variance is wrong
              expected: one or four variances above 0
              got:      0.1, 0.2
            """,
        ),
        "two_forms": ErrorCase(
            param("min_size: 30 img_size: 300 img_h: 300"),
            BOTTOMS,
            message="""
            error: the size has two forms
              expected: `img_size`, or both `img_h` and `img_w`
              got:      `img_size` and `img_h`
            """,
        ),
        "step": ErrorCase(
            param("min_size: 30 step: 0"),
            BOTTOMS,
            message="""
            error: step is out of range
              expected: step above 0
              got:      0
            """,
        ),
        "ratio": ErrorCase(
            param("min_size: 30 aspect_ratio: -2"),
            BOTTOMS,
            message="""
            error: aspect_ratio is out of range
              expected: aspect_ratio above 0
              got:      -2
            """,
        ),
        "shape": ErrorCase(
            param("min_size: 30"),
            [(3,), (1, 3, 8, 8)],
            message="""
            error: there is no height and width
              expected: both as last axes
              got:      bottom 3
            """,
        ),
    }


def test_the_order_within_a_place():
    runner = LayerRunner(layer_text("PriorBox", param(OF_SSD), bottoms=2), BOTTOMS)
    truth = laid(
        runner.inputs, [], sides=[(A, A), (B, B), (B * R, B / R), (B / R, B * R)], variance=(0.1, 0.1, 0.2, 0.2)
    )
    np.testing.assert_allclose(runner.forward()[0], truth, rtol=2e-6, atol=1e-7)


def test_ssd_300_has_8732():
    count = 0
    for side, sizes, ratios in (
        (38, "30", 1),
        (19, "60", 2),
        (10, "111", 2),
        (5, "162", 2),
        (3, "213", 1),
        (1, "264", 1),
    ):
        text = f"min_size: {sizes} max_size: {int(sizes) + 50} " + " ".join(
            f"aspect_ratio: {k + 2}" for k in range(ratios)
        )
        shapes = [(1, 1, side, side), (1, 3, 300, 300)]
        layer = LayerRunner(layer_text("PriorBox", param(text), bottoms=2), shapes).layer
        [top] = layer.layout(shapes).tops
        count += top[2] // 4
    assert count == 8732
