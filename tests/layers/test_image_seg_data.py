from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pycaffelite.errors import DataError
from pycaffelite.testing import Case, ErrorCase, LayerContract, LayerRunner, layer_text

RANDOM = np.random.default_rng(6)
PIXELS = RANDOM.integers(0, 256, (2, 6, 8, 3)).astype(np.uint8)
CLASSES = RANDOM.integers(0, 5, (2, 6, 8)).astype(np.uint8)
PLANES = PIXELS.transpose(0, 3, 1, 2)[:, ::-1].astype(float)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("segments")
    for n in range(2):
        Image.fromarray(PIXELS[n]).save(path / f"{n}.png")
        Image.fromarray(CLASSES[n]).save(path / f"{n}_classes.png")
    (path / "pixel.txt").write_text("".join(f"{n}.png {n}_classes.png\n" for n in range(2)), encoding="utf-8")
    (path / "image.txt").write_text("".join(f"{n}.png {n + 3}\n" for n in range(2)), encoding="utf-8")
    (path / "none.txt").write_text("0.png\n1.png\n", encoding="utf-8")
    return path


@pytest.fixture(autouse=True)
def _here(folder, monkeypatch):
    monkeypatch.chdir(folder)


def fields(kind="pixel", more=""):
    return f'image_data_param {{ source: "{kind}.txt" batch_size: 2 label_type: {kind.upper()} {more} }}'


def padded(bottoms, params):
    """A crop of 9x7 in TEST: 3 rows are missing, and a column of 8 goes."""
    data, labels = np.zeros((2, 3, 9, 7)), np.full((2, 1, 9, 7), 255.0)
    data[:, :, :6] = (PLANES[:, :, :, :7] - 10) * 0.5
    labels[:, 0, :6] = CLASSES[:, :, :7]
    return [data, labels, np.full((2, 1, 1, 2), [6.0, 7])]


class TestImageSegData(LayerContract):
    type_name = "ImageSegData"
    cases = {
        "pixel": Case(
            fields(),
            [],
            tops=3,
            oracle=lambda b, p: [PLANES, CLASSES[:, None].astype(float), np.full((2, 1, 1, 2), [6.0, 8])],
            gradients=False,
        ),
        "image": Case(
            fields("image"),
            [],
            tops=2,
            oracle=lambda b, p: [PLANES, np.broadcast_to([[[[3.0]]], [[[4.0]]]], (2, 1, 6, 8))],
            gradients=False,
        ),
        "none": Case(
            fields("none", "ignore_label: 9"),
            [],
            tops=2,
            oracle=lambda b, p: [PLANES, np.full((2, 1, 6, 8), 9.0)],
            gradients=False,
        ),
        "padded": Case(
            fields() + "transform_param { crop_height: 9 crop_width: 7 mean_value: 10 scale: 0.5 }",
            [],
            phase="TEST",
            tops=3,
            oracle=padded,
            gradients=False,
        ),
        "random": Case(
            fields("pixel", "shuffle: true")
            + "transform_param { crop_size: 7 mirror: true scale_factors: 0.5 scale_factors: 1.5 }",
            [],
            tops=3,
            gradients=False,
        ),
    }
    errors = {
        "mean_file": ErrorCase(
            fields() + 'transform_param { mean_file: "m.binaryproto" }',
            [],
            tops=2,
            message="""
            error: ImageSegData takes no mean image, as its images may be of any size
              expected: mean_value, one or one for each channel
              got:      mean_file `m.binaryproto`
            """,
        ),
        "factor": ErrorCase(
            fields() + "transform_param { scale_factors: 1 scale_factors: 0 }",
            [],
            tops=2,
            message="""
            error: a scale factor is not positive
              expected: scale_factors above 0
              got:      1, 0
            """,
        ),
    }


def runner(text):
    return LayerRunner(layer_text("ImageSegData", text, bottoms=0, tops=3))


def test_scaled_sizes_are_cut_off():
    data, labels, _ = runner(fields() + "transform_param { scale_factors: 0.7 }").forward()
    assert data.shape == (2, 3, 4, 5)  # of 4.2 and 5.6
    assert labels.shape == (2, 1, 4, 5)


def test_classes_are_scaled_cropped_and_mirrored_like_their_images():
    # Where the red plane holds the classes, labels and image must agree wherever nothing is mixed or padded.
    pixels = np.zeros((6, 8, 3), np.uint8)
    pixels[:, 4:] = 200
    Image.fromarray(pixels).save("half.png")
    Image.fromarray((pixels[..., 0] // 200).astype(np.uint8)).save("half_classes.png")
    Path("pixel2.txt").write_text("half.png half_classes.png\n", encoding="utf-8")
    text = 'image_data_param { source: "pixel2.txt" batch_size: 8 label_type: PIXEL }'
    text += "transform_param { crop_size: 7 mirror: true mean_value: 50 scale_factors: 0.5 scale_factors: 2 }"
    made = runner(text)
    for _ in range(4):
        data, labels, sizes = made.forward()
        inside = labels[:, 0] != 255
        assert (data[:, 2][~inside] == 0).all()
        pure = inside & np.isin(data[:, 2], (-50, 150))
        assert pure.sum() > 100
        np.testing.assert_array_equal(labels[:, 0][pure], data[:, 2][pure] == 150)
        assert (sizes == [6, 7]).all()


@pytest.mark.parametrize(
    ("kind", "wanted"), [("pixel", "an image and its label image"), ("image", "an image and its class")]
)
def test_a_line_without_a_label(tmp_path, monkeypatch, kind, wanted):
    monkeypatch.chdir(tmp_path)
    (tmp_path / f"{kind}.txt").write_text("a.png\n")
    with pytest.raises(DataError, match="a line lacks its label") as caught:
        runner(fields(kind))
    assert caught.value.expected == wanted
