from __future__ import annotations

import numpy as np
import pytest
from google.protobuf import text_format

from pycaffelite.data.transformer import Transformer
from pycaffelite.errors import FieldError, ShapeError, UnsupportedError
from pycaffelite.schema import messages

IMAGES = np.random.default_rng(1).integers(0, 256, (5, 3, 6, 7)).astype(np.uint8)


def transformer(fields, phase="TEST", seed=0, mean=None):
    parameter = text_format.Parse(fields, messages.TransformationParameter())
    return Transformer(parameter, phase, np.random.default_rng(seed), mean)


def run(made, images=IMAGES, dtype=np.float32):
    out = np.zeros((len(images), *made.shape(images.shape[1:])), dtype)
    made.apply(images, out)
    return out


def test_plain_and_scaled():
    np.testing.assert_array_equal(run(transformer("")), IMAGES)
    np.testing.assert_array_equal(run(transformer("scale: 0.1")), IMAGES.astype(np.float32) * np.float32(0.1))


def test_means():
    one = run(transformer("mean_value: 10.5 scale: 2"))
    np.testing.assert_array_equal(one, (IMAGES.astype(np.float32) - 10.5) * 2)
    each = run(transformer("mean_value: 1 mean_value: 2 mean_value: 3"))
    np.testing.assert_array_equal(each, IMAGES - np.array([1, 2, 3], np.float32)[:, None, None])
    mean = np.random.default_rng(2).normal(size=(3, 6, 7)).astype(np.float32)
    cropped = run(transformer("crop_size: 4", mean=mean))
    np.testing.assert_array_equal(cropped, (IMAGES - mean)[:, :, 1:5, 1:5])


def test_random_crops_and_flips():
    made = transformer("crop_size: 4 mirror: true", "TRAIN", seed=5)
    out = run(made)
    generator = np.random.default_rng(5)
    for image, result in zip(IMAGES, out, strict=True):
        flip, top, left = generator.integers(2), generator.integers(3), generator.integers(4)
        crop = image[:, top : top + 4, left : left + 4]
        np.testing.assert_array_equal(result, crop[:, :, ::-1] if flip else crop)


def test_mirrors_in_test_too_but_crops_the_middle():
    out = run(transformer("crop_size: 4 mirror: true", seed=3))
    middle = IMAGES[:, :, 1:5, 1:5]
    flipped = [not np.array_equal(a, b) for a, b in zip(out, middle, strict=True)]
    assert set(flipped) == {True, False}
    for result, image, flip in zip(out, middle, flipped, strict=True):
        np.testing.assert_array_equal(result, image[:, :, ::-1] if flip else image)


@pytest.mark.parametrize("mean", [None, np.ones((3, 6, 7), np.float32)])
def test_crops_of_crops(mean):
    whole = run(transformer("crop_size: 3 mirror: true", "TRAIN", seed=9, mean=mean))
    made = transformer("crop_size: 3 mirror: true", "TRAIN", seed=9, mean=mean)
    images, places = made.cut(made.draw(5, 3, 4), IMAGES)
    assert images.shape == ((5, 3, 3, 3) if mean is None else IMAGES.shape)
    out = np.zeros_like(whole)
    made.apply_at(places, images, out)
    np.testing.assert_array_equal(out, whole)


def test_grouping_does_not_matter():
    whole = run(transformer("crop_size: 3 mirror: true", "TRAIN", seed=9))
    made = transformer("crop_size: 3 mirror: true", "TRAIN", seed=9)
    np.testing.assert_array_equal(whole, np.concatenate([run(made, IMAGES[n : n + 1]) for n in range(5)]))


def test_state():
    made = transformer("mirror: true crop_size: 3", "TRAIN")
    run(made)
    state = made.state()
    first = run(made)
    made.restore(state)
    np.testing.assert_array_equal(run(made), first)
    assert transformer("crop_size: 3").state() is None


@pytest.mark.parametrize(
    ("fields", "mean", "text"),
    [
        (
            "crop_size: 7",
            None,
            """error: the image is smaller than its crop
  expected: height and width of at least 7 (crop_size)
  got:      an image of 3x6x7""",
        ),
        (
            "",
            np.zeros((1, 6, 7), np.float32),
            """error: the mean does not fit the image
  expected: a mean_file of 3x6x7, as the images are
  got:      1x6x7

hint: compute the mean of this database, or use mean_value""",
        ),
        (
            "mean_value: 1 mean_value: 2",
            None,
            """error: mean_value does not fit the image
  expected: one mean_value, or 3, one for each channel
  got:      2""",
        ),
    ],
)
def test_shapes_that_do_not_fit(fields, mean, text):
    with pytest.raises(ShapeError) as error:
        transformer(fields, mean=mean).shape((3, 6, 7))
    assert str(error.value) == text


@pytest.mark.parametrize("fields", ['mean_file: "a" mean_value: 1', "force_color: true force_gray: true"])
def test_contradictions(fields):
    with pytest.raises(FieldError, match="exclude each other"):
        transformer(fields)


@pytest.mark.parametrize("field", ["resize_param", "noise_param", "distort_param", "expand_param", "emit_constraint"])
def test_what_is_for_annotated_images_is_refused(field):
    with pytest.raises(UnsupportedError, match=f"{field} is for AnnotatedData"):
        transformer(f"{field} {{ }}")
    parameter = text_format.Parse(f"{field} {{ }}", messages.TransformationParameter())
    Transformer(parameter, "TEST", np.random.default_rng(0), augments=True)
