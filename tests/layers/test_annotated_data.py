from __future__ import annotations

import io
import json

import numpy as np
import pytest
from PIL import Image

from pycaffelite.data.database import write_database
from pycaffelite.errors import DataError, FieldError, PycaffeliteError
from pycaffelite.layers.base import DataOptions
from pycaffelite.schema import messages
from pycaffelite.testing import LayerRunner, layer_text

SIZES = [(24, 32), (32, 24), (30, 30)]  # height and width of the images in turn
# For each image: class, number, left, top, right, bottom, difficult.
BOXES = [
    [(1, 0, 0.1, 0.2, 0.5, 0.6, False), (1, 1, 0.5, 0.5, 1.0, 1.0, True), (3, 0, 0.0, 0.0, 0.25, 0.25, False)],
    [(2, 0, 0.25, 0.25, 0.75, 0.75, False)],
    [],
]


def image_of(number):
    return np.random.default_rng(number).integers(0, 256, (3, *SIZES[number % 3])).astype(np.uint8)


def record(number, *, encoded=False, boxed=True):
    image = image_of(number)
    message = messages.AnnotatedDatum()
    message.datum.label = number
    message.datum.channels, message.datum.height, message.datum.width = image.shape
    message.datum.data = image.tobytes()
    if encoded:
        stream = io.BytesIO()
        Image.fromarray(np.ascontiguousarray(image[::-1].transpose(1, 2, 0))).save(stream, "PNG")
        message.datum.data, message.datum.encoded = stream.getvalue(), True
    if boxed:
        message.type = messages.AnnotatedDatum.BBOX
        for label, instance, left, top, right, bottom, difficult in BOXES[number % 3]:
            if not message.annotation_group or message.annotation_group[-1].group_label != label:
                message.annotation_group.add(group_label=label)
            each = message.annotation_group[-1].annotation.add(instance_id=instance)
            each.bbox.xmin, each.bbox.ymin, each.bbox.xmax, each.bbox.ymax = left, top, right, bottom
            each.bbox.difficult = difficult
    return message.SerializeToString()


def database(folder, count=6, **options):
    items = [(b"%04d" % number, record(number, **options)) for number in range(count)]
    write_database(folder / "records", "lmdb", items)


def runner(folder, fields="", batch=1, phase="TRAIN", tops=2, prefetch=0):
    text = f'data_param {{ source: "records" batch_size: {batch} backend: LMDB prefetch: {prefetch} }} {fields}'
    text = layer_text("AnnotatedData", text, bottoms=0, tops=tops)
    return LayerRunner(text, [], phase, data=DataOptions(folder=folder))


def rows_of(number, place=0):
    return np.array([[place, *box] for box in BOXES[number % 3]] or [[-1] * 8], np.float32)


@pytest.mark.parametrize("encoded", [False, True])
@pytest.mark.parametrize("prefetch", [0, 3])
def test_images_and_boxes_as_they_are(tmp_path, encoded, prefetch):
    database(tmp_path, encoded=encoded)
    one = runner(tmp_path, prefetch=prefetch)
    assert one.layer.records() == 6
    for number in [0, 1, 2, 3, 4, 5, 0, 1]:
        image, rows = one.forward()
        np.testing.assert_array_equal(image[0], image_of(number))
        np.testing.assert_allclose(rows[0, 0], rows_of(number), atol=1e-7)


RESIZE = "resize_param { resize_mode: WARP height: 20 width: 28 }"


def test_a_batch_of_images_of_one_size(tmp_path):
    database(tmp_path)
    mean = "mean_value: 100 mean_value: 50 mean_value: 0 scale: 0.5"
    images, rows = runner(tmp_path, f"transform_param {{ {RESIZE} {mean} }}", batch=5).forward()
    assert images.shape == (5, 3, 20, 28)
    plain, _ = runner(tmp_path, f"transform_param {{ {RESIZE} }}", batch=5).forward()
    np.testing.assert_allclose(images, (plain - np.array([100, 50, 0])[:, None, None]) * 0.5)
    expected = np.concatenate([rows_of(number, number) for number in (0, 1, 3, 4)])
    np.testing.assert_allclose(rows[0, 0], expected, atol=1e-7)


def test_mirrored_boxes(tmp_path):
    database(tmp_path)
    one = runner(tmp_path, "transform_param { mirror: true }")
    seen = set()
    for _ in range(20):
        for number in range(6):
            image, rows = one.forward()
            flipped = not np.array_equal(image[0], image_of(number))
            expected = rows_of(number)
            if flipped:
                np.testing.assert_array_equal(image[0], image_of(number)[:, :, ::-1])
                if BOXES[number % 3]:
                    expected[:, [3, 5]] = 1 - expected[:, [5, 3]]
            np.testing.assert_allclose(rows[0, 0], expected, atol=1e-6)
            seen.add(flipped)
    assert seen == {False, True}


def test_crops_in_the_middle_and_the_boxes_that_stay(tmp_path):
    database(tmp_path, count=1)
    emit = "emit_constraint { emit_type: CENTER }"
    one = runner(tmp_path, f"transform_param {{ crop_h: 12 crop_w: 16 {emit} }}", phase="TEST")
    image, rows = one.forward()
    np.testing.assert_array_equal(image[0], image_of(0)[:, 6:18, 8:24])
    # Of the three boxes, the first and the second have their centres in the middle half.
    expected = [[0, 1, 0, 0, 0, 0.5, 0.7, 0], [0, 1, 1, 0.5, 0.5, 1, 1, 1]]
    np.testing.assert_allclose(rows[0, 0], expected, atol=1e-6)


PIECES = """annotated_data_param { batch_sampler { max_sample: 1 max_trials: 1 }
    batch_sampler { sampler { min_scale: 0.3 min_aspect_ratio: 0.5 max_aspect_ratio: 2 }
                    sample_constraint { min_jaccard_overlap: 0.3 } max_sample: 1 max_trials: 50 } }"""
COLORS = """distort_param { brightness_prob: 0.5 brightness_delta: 32 contrast_prob: 0.5 contrast_lower: 0.5
    contrast_upper: 1.5 hue_prob: 0.5 hue_delta: 18 saturation_prob: 0.5 saturation_lower: 0.5 saturation_upper: 1.5
    random_order_prob: 0.5 } expand_param { prob: 0.5 max_expand_ratio: 3 } mirror: true
    mean_value: 104 mean_value: 117 mean_value: 123 emit_constraint { emit_type: CENTER }
    noise_param { saltpepper: true saltpepper_param { fraction: 0.01 value: 3 } }"""
MODES = "interp_mode: LINEAR interp_mode: AREA interp_mode: NEAREST interp_mode: CUBIC interp_mode: LANCZOS4"
ALL = f"{PIECES} transform_param {{ resize_param {{ height: 20 width: 28 {MODES} }} {COLORS} }}"


def test_the_same_seed_makes_the_same_batches_with_and_without_a_thread(tmp_path):
    database(tmp_path)
    runs = []
    for prefetch in (0, 2):
        one = runner(tmp_path, ALL, batch=4, prefetch=prefetch)
        runs.append([array for _ in range(5) for array in one.forward()])
    for first, second in zip(*runs, strict=True):
        np.testing.assert_array_equal(first, second)
    assert not np.array_equal(runs[0][0], runs[0][6])


@pytest.mark.parametrize("prefetch", [0, 2])
def test_an_exact_resume(tmp_path, prefetch):
    database(tmp_path)
    one = runner(tmp_path, ALL, batch=4, prefetch=prefetch)
    for _ in range(3):
        one.forward()
    state = json.loads(json.dumps(one.layer.state()))
    other = runner(tmp_path, ALL, batch=4, prefetch=prefetch)
    other.forward()
    other.layer.restore(state)
    for _ in range(3):
        for first, second in zip(one.forward(), other.forward(), strict=True):
            np.testing.assert_array_equal(first, second)


def test_boxes_follow_the_image(tmp_path):
    # A bright square stays where its box says it is, whatever is done to the image.
    image = np.zeros((3, 240, 320), np.uint8)
    image[:, 60:180, 80:200] = 255
    message = messages.AnnotatedDatum(type=messages.AnnotatedDatum.BBOX)
    message.datum.channels, message.datum.height, message.datum.width, message.datum.data = 3, 240, 320, image.tobytes()
    box = message.annotation_group.add(group_label=1).annotation.add().bbox
    box.xmin, box.ymin, box.xmax, box.ymax = 0.25, 0.25, 0.625, 0.75
    write_database(tmp_path / "records", "lmdb", [(b"a", message.SerializeToString())])
    geometry = "expand_param { max_expand_ratio: 2 } mirror: true emit_constraint { emit_type: CENTER }"
    for mode in ("WARP", "FIT_SMALL_SIZE", "FIT_LARGE_SIZE_AND_PAD"):
        fields = (
            f"{PIECES} transform_param {{ resize_param {{ resize_mode: {mode} height: 90 width: 90 }} {geometry} }}"
        )
        one = runner(tmp_path, fields)
        for _ in range(30):
            found, rows = one.forward()
            if rows[0, 0, 0, 0] == -1:
                continue
            height, width = found.shape[2:]
            lit = np.argwhere(found[0, 0] > 127)
            edges = np.concatenate((lit.min(0)[::-1], lit.max(0)[::-1] + 1)) / [width, height, width, height]
            np.testing.assert_allclose(rows[0, 0, 0, 3:7], edges, atol=0.04)


def test_labels_where_there_are_no_boxes(tmp_path):
    database(tmp_path, boxed=False)
    one = runner(tmp_path, f"transform_param {{ {RESIZE} }}", batch=4)
    assert one.forward()[1].tolist() == [0, 1, 2, 3]
    typed = runner(tmp_path, f"annotated_data_param {{ anno_type: BBOX }} transform_param {{ {RESIZE} }}", batch=4)
    assert typed.forward()[1].tolist() == [[[[-1] * 8]]]
    assert len(runner(tmp_path, tops=1).forward()) == 1


def test_what_is_refused(tmp_path):
    with pytest.raises(FieldError, match="there is no batch size"):
        runner(tmp_path, batch=0)
    with pytest.raises(DataError, match="the data source does not exist"):
        runner(tmp_path)
    database(tmp_path)
    with pytest.raises(DataError, match="has another shape than the first record of its batch"):
        runner(tmp_path, batch=2).forward()
    for fields, message in (
        ("annotated_data_param { batch_sampler { sampler { min_scale: 0 } } }", "the scales of a sampler are wrong"),
        ("annotated_data_param { batch_sampler { sampler { max_aspect_ratio: 0.5 } } }", "the aspect ratios"),
        ("transform_param { resize_param { height: 3 } }", "the size to resize to is missing"),
        ("transform_param { distort_param { saturation_lower: 2 } }", "the factors of saturation"),
        ('transform_param { expand_param { } mean_file: "a" }', "mean file does not exist"),
    ):
        with pytest.raises(PycaffeliteError, match=message):
            runner(tmp_path, fields)


def test_records_of_another_kind(tmp_path):
    plain = messages.Datum(channels=3, height=2, width=2, data=bytes(12), label=1).SerializeToString()
    write_database(tmp_path / "records", "lmdb", [(b"a", plain)])
    with pytest.raises(DataError, match=r"record `a` of .* cannot be used"):
        runner(tmp_path)
    floats = messages.AnnotatedDatum()
    floats.datum.channels = floats.datum.height = floats.datum.width = 1
    floats.datum.float_data.append(1.5)
    write_database(tmp_path / "records", "lmdb", [(b"a", floats.SerializeToString())], force=True)
    with pytest.raises(DataError, match="an image of bytes"):
        runner(tmp_path)
