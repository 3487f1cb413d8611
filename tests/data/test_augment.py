from __future__ import annotations

import numpy as np
import pytest
from google.protobuf import text_format

from pycaffelite.data import augment_boxes, augment_color
from pycaffelite.data.augment_resize import Resizer, interpolate
from pycaffelite.errors import FieldError, ShapeError
from pycaffelite.schema import messages

IMAGE = np.random.default_rng(1).integers(0, 256, (3, 12, 16)).astype(np.uint8)
MODES = messages.ResizeParameter


def generator(seed=1):
    return np.random.default_rng(seed)


def parsed(text, kind):
    return text_format.Parse(text, kind())


def resizer(text):
    return Resizer(parsed(text, messages.ResizeParameter), generator())


@pytest.mark.parametrize("mode", [MODES.LINEAR, MODES.AREA, MODES.NEAREST, MODES.CUBIC, MODES.LANCZOS4])
@pytest.mark.parametrize("size", [(6, 8), (5, 7), (20, 9), (30, 31), (1, 1), (12, 16)])
def test_a_flat_image_stays_flat(mode, size):
    flat = np.full((3, 12, 16), 77, np.uint8)
    assert (interpolate(flat, size, mode) == 77).all()
    assert interpolate(IMAGE, size, mode).shape == (3, *size)


@pytest.mark.parametrize("mode", [MODES.LINEAR, MODES.CUBIC, MODES.LANCZOS4, MODES.NEAREST, MODES.AREA])
def test_the_same_size_is_the_same_image(mode):
    np.testing.assert_array_equal(interpolate(IMAGE, (12, 16), mode), IMAGE)


def test_area_is_the_mean_of_what_a_pixel_covers():
    means = IMAGE.reshape(3, 4, 3, 4, 4).mean((2, 4))
    assert np.abs(interpolate(IMAGE, (4, 4), MODES.AREA) - means).max() <= 0.501


def test_cubic_goes_through_a_ramp():
    ramp = np.broadcast_to(np.arange(0, 160, 10, dtype=np.uint8), (1, 12, 16))
    wide = interpolate(np.ascontiguousarray(ramp), (12, 32), MODES.CUBIC)
    np.testing.assert_allclose(wide[0, 0, 6:-6], (np.arange(6, 26) + 0.5) * 5 - 5, atol=0.51)


@pytest.mark.parametrize(
    ("mode", "old", "size", "shape"),
    [
        ("WARP", (12, 16), (30, 20), (30, 20)),
        ("FIT_SMALL_SIZE", (12, 16), (30, 30), (30, 40)),
        ("FIT_SMALL_SIZE", (16, 12), (30, 30), (40, 30)),
        ("FIT_LARGE_SIZE_AND_PAD", (12, 16), (32, 32), (32, 32)),
        ("FIT_LARGE_SIZE_AND_PAD", (16, 12), (30, 40), (30, 40)),
    ],
)
def test_sizes(mode, old, size, shape):
    one = resizer(f"resize_mode: {mode} height: {size[0]} width: {size[1]}")
    assert one.apply(np.zeros((3, *old), np.uint8)).shape == (3, *shape)


@pytest.mark.parametrize(
    ("pad", "outside"), [("pad_mode: CONSTANT pad_value: 9", 9), ("pad_mode: REPEAT_NEAREST", 200), ("", 0)]
)
def test_padding_and_the_boxes_in_it(pad, outside):
    one = resizer(f"resize_mode: FIT_LARGE_SIZE_AND_PAD height: 32 width: 32 {pad}")
    image = one.apply(np.full((3, 12, 16), 200, np.uint8))
    assert (image[:, 4:28] == 200).all()
    assert (image[:, :4] == outside).all()
    assert (image[:, 28:] == outside).all()
    boxes = one.boxes(np.array([[0, 0, 1, 1], [0.5, 0.5, 2, 0.75]]), (12, 16))
    np.testing.assert_allclose(boxes, [[0, 0.125, 1, 0.875], [0.5, 0.5, 1, 0.6875]])
    high = resizer("resize_mode: FIT_LARGE_SIZE_AND_PAD height: 32 width: 32").boxes(
        np.array([[0.0, 0, 1, 1]]), (16, 12)
    )
    np.testing.assert_allclose(high, [[0.125, 0, 0.875, 1]])


def test_mirrored_padding():
    image = resizer("resize_mode: FIT_LARGE_SIZE_AND_PAD pad_mode: MIRRORED height: 16 width: 16").apply(IMAGE)
    np.testing.assert_array_equal(image[:, 2:14], IMAGE)
    np.testing.assert_array_equal(image[:, 1], IMAGE[:, 1])
    np.testing.assert_array_equal(image[:, 0], IMAGE[:, 2])


def test_boxes_in_other_pixels():
    one = resizer("resize_mode: FIT_SMALL_SIZE height: 30 width: 30 height_scale: 15 width_scale: 10")
    np.testing.assert_allclose(one.spread((12, 16), np.array([0.25, 0, 1, 0.5])), [3, 1, 3, 1])
    assert resizer("resize_mode: FIT_SMALL_SIZE height: 30 width: 30").spread((12, 16), augment_boxes.WHOLE) is None


def test_what_resizing_refuses():
    with pytest.raises(FieldError, match="the size to resize to is missing"):
        resizer("height: 3")
    with pytest.raises(ShapeError, match="pad_value does not fit"):
        resizer("resize_mode: FIT_LARGE_SIZE_AND_PAD height: 3 width: 9 pad_value: 1 pad_value: 2").apply(IMAGE)


def draw(text, boxes, seed=1):
    return augment_boxes.draw_pieces(
        [parsed(text, messages.BatchSampler)], np.array(boxes).reshape(-1, 4), generator(seed)
    )


SAMPLER = "sampler { min_scale: 0.3 max_scale: 0.9 min_aspect_ratio: 0.5 max_aspect_ratio: 2 }"


def test_pieces_lie_in_the_image_and_have_the_sizes_asked_for():
    pieces = draw(f"{SAMPLER} max_trials: 400", [])
    assert len(pieces) == 400
    assert pieces.min() >= 0
    assert pieces.max() <= 1 + 1e-12
    sides = pieces[:, 2:] - pieces[:, :2]
    assert 0.09 <= augment_boxes.area(pieces).min() <= augment_boxes.area(pieces).max() <= 0.81
    ratios = sides[:, 0] / sides[:, 1]
    assert 0.5 <= ratios.min() < 0.7
    assert 1.6 < ratios.max() <= 2
    assert len(draw(f"{SAMPLER} max_trials: 400 max_sample: 3", [])) == 3
    assert len(draw(f"{SAMPLER} use_original_image: false", [])) == 0


@pytest.mark.parametrize(
    ("limit", "value"),
    [
        ("min_jaccard_overlap: 0.5", lambda common, piece, box: common / (piece + box - common) >= 0.5),
        ("max_jaccard_overlap: 0.1", lambda common, piece, box: common / (piece + box - common) <= 0.1),
        ("min_sample_coverage: 0.5", lambda common, piece, box: common / piece >= 0.5),
        ("max_sample_coverage: 0.25", lambda common, piece, box: common / piece <= 0.25),
        ("min_object_coverage: 1", lambda common, piece, box: common / box >= 1 - 1e-12),
        ("max_object_coverage: 0.75", lambda common, piece, box: common / box <= 0.75),
    ],
)
def test_limits_of_pieces(limit, value):
    boxes = [[0.1, 0.1, 0.7, 0.6], [0.5, 0.5, 0.9, 1.0]]
    text = f"{SAMPLER} max_trials: 200"
    every = draw(text, boxes)
    kept = draw(f"{text} sample_constraint {{ {limit} }}", boxes)
    right = []
    for piece in every:
        size = (piece[2] - piece[0]) * (piece[3] - piece[1])
        good = False
        for box in boxes:
            common = max(0, min(piece[2], box[2]) - max(piece[0], box[0]))
            common *= max(0, min(piece[3], box[3]) - max(piece[1], box[1]))
            good |= bool(value(common, size, (box[2] - box[0]) * (box[3] - box[1])))
        right.append(good)
    np.testing.assert_array_equal(kept, every[right])
    assert 0 < len(kept) < 200
    assert len(draw(f"{text} sample_constraint {{ {limit} }}", [])) == 0


def test_boxes_in_a_piece():
    boxes = np.array([[0, 0, 0.5, 0.5], [0.4, 0.4, 0.6, 0.6], [0.75, 0.75, 1, 1], [0.1, 0.1, 0.9, 0.3]])
    piece = np.array([0.25, 0.25, 0.75, 0.75])
    moved, stays = augment_boxes.project(boxes, piece, None)
    assert stays.tolist() == [True, True, False, True]
    np.testing.assert_allclose(moved[[0, 1, 3]], [[0, 0, 0.5, 0.5], [0.3, 0.3, 0.7, 0.7], [0, 0, 1, 0.1]], atol=1e-12)
    center = parsed("emit_type: CENTER", messages.EmitConstraint)
    assert augment_boxes.project(boxes, piece, center)[1].tolist() == [True, True, False, False]
    least = parsed("emit_type: MIN_OVERLAP emit_overlap: 0.25", messages.EmitConstraint)
    assert augment_boxes.project(boxes, piece, least)[1].tolist() == [False, True, False, False]


def test_pixels_of_a_piece():
    np.testing.assert_array_equal(augment_boxes.cut(IMAGE, np.array([0.25, 0.5, 0.75, 1.0])), IMAGE[:, 6:, 4:12])
    assert augment_boxes.cut(IMAGE, np.array([0.999, 0.999, 1, 1])).shape == (3, 1, 1)


def test_a_larger_canvas():
    canvas, edges = augment_boxes.enlarge(IMAGE, 2.5, np.array([7.0, 8, 9]), generator())
    assert canvas.shape == (3, 30, 40)
    left, top = round(-edges[0] * 16), round(-edges[1] * 12)
    np.testing.assert_array_equal(canvas[:, top : top + 12, left : left + 16], IMAGE)
    np.testing.assert_allclose(edges[2:] - edges[:2], 2.5)
    canvas[:, top : top + 12, left : left + 16] = np.array([7, 8, 9])[:, None, None]
    assert (canvas == np.array([7, 8, 9])[:, None, None]).all()


def distorted(text, seed):
    return augment_color.distort(IMAGE, parsed(text, messages.DistortionParameter), generator(seed))


def test_brightness_contrast_and_order():
    np.testing.assert_array_equal(distorted("", 1), IMAGE)
    shifts = []
    for seed in range(20):
        difference = distorted("brightness_prob: 1 brightness_delta: 5", seed).astype(int) - IMAGE
        inner = difference[(IMAGE > 10) & (IMAGE < 245)]
        assert len(set(inner)) == 1
        shifts.append(inner[0])
    assert min(shifts) < 0 < max(shifts)
    assert max(map(abs, shifts)) <= 5
    half = distorted("contrast_prob: 1 contrast_lower: 0.5 contrast_upper: 0.5", 1)
    assert np.abs(half - IMAGE / 2).max() <= 0.5
    orders = {
        tuple(int(IMAGE[:, 0, 0].tolist().index(v)) for v in distorted("random_order_prob: 1", s)[:, 0, 0])
        for s in range(40)
    }
    assert len(orders) == 6
    changed = [
        (distorted("contrast_prob: 0.25 contrast_lower: 2 contrast_upper: 2", s) != IMAGE).any() for s in range(200)
    ]
    assert 25 < sum(changed) < 75


def test_hue_and_saturation():
    gray = distorted("saturation_prob: 1", 1).astype(int)
    assert np.ptp(gray, axis=0).max() <= 1
    turned = distorted("hue_prob: 1 hue_delta: 40", 3).astype(int)
    np.testing.assert_allclose(turned.max(0), IMAGE.max(0), atol=1)
    assert (turned != IMAGE).any()
    one = IMAGE[:1]
    kept = augment_color.distort(one, parsed("hue_prob: 1 hue_delta: 40", messages.DistortionParameter), generator())
    np.testing.assert_array_equal(kept, one)
    with pytest.raises(FieldError, match="the factors of contrast are wrong"):
        augment_color.check_distortion(parsed("contrast_lower: 2", messages.DistortionParameter))


def damaged(text, image=IMAGE):
    return augment_color.damage(image, parsed(text, messages.NoiseParameter), generator())


@pytest.mark.parametrize("image", [IMAGE, IMAGE[:1]], ids=["color", "gray"])
def test_noise(image):
    np.testing.assert_array_equal(damaged("prob: 1", image), image)
    np.testing.assert_array_equal(damaged("inverse: true", image), 255 - image)
    assert set(np.unique(damaged("posterize: true", image))) <= {32, 96, 160, 224}
    smooth = damaged("gauss_blur: true", image)
    assert smooth.std() < 0.6 * image.std()
    assert abs(smooth.mean() - image.mean()) < 3
    eroded = damaged("erode: true", image)
    least = np.minimum.reduce([image[:, 5, 5], image[:, 4, 5], image[:, 6, 5], image[:, 5, 4], image[:, 5, 6]])
    np.testing.assert_array_equal(eroded[:, 5, 5], least)
    pressed = damaged("jpeg: 90", np.full_like(image, 100))
    assert np.abs(pressed.astype(int) - 100).max() <= 2
    salted = damaged("saltpepper: true saltpepper_param { fraction: 0.25 value: 255 }", np.zeros_like(image))
    assert 0.15 < (salted == 255).mean() <= 0.25
    even = damaged("hist_eq: true", image // 4 + 30)
    assert even.min() <= 10
    assert even.max() >= 245


def test_colors_taken_away():
    gray = damaged("decolorize: true")
    assert (gray == gray[:1]).all()
    assert np.abs(gray[0] - np.tensordot([0.114, 0.587, 0.299], IMAGE.astype(float), 1)).max() <= 0.51
    np.testing.assert_array_equal(damaged("hist_eq: true", np.full_like(IMAGE, 9)), 9)
    with pytest.raises(FieldError, match="saltpepper_param do not fit"):
        damaged("saltpepper: true")
