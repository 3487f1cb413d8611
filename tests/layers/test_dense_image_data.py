from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from pycaffelite.errors import DataError
from pycaffelite.testing import Case, ErrorCase, LayerContract, LayerRunner, layer_text

RANDOM = np.random.default_rng(6)
PIXELS = RANDOM.integers(0, 256, (3, 6, 8, 3)).astype(np.uint8)
CLASSES = RANDOM.integers(0, 5, (3, 6, 8)).astype(np.uint8)
PLANES = PIXELS.transpose(0, 3, 1, 2)[:, ::-1].astype(float)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("dense")
    for n in range(3):
        Image.fromarray(PIXELS[n]).save(path / f"{n}.png")
        Image.fromarray(CLASSES[n]).save(path / f"{n}_classes.png")
    (path / "list.txt").write_text("".join(f"/{n}.png /{n}_classes.png\n" for n in range(3)), encoding="utf-8")
    return path


@pytest.fixture(autouse=True)
def _here(folder, monkeypatch):
    monkeypatch.chdir(folder)


FIELDS = 'dense_image_data_param { source: "list.txt" root_folder: "." batch_size: 2 %s }'


class TestDenseImageData(LayerContract):
    type_name = "DenseImageData"
    cases = {
        "plain": Case(
            FIELDS % "", [], tops=2, oracle=lambda b, p: [PLANES[:2], CLASSES[:2, None].astype(float)], gradients=False
        ),
        "random": Case(
            FIELDS % "shuffle: true" + "transform_param { crop_size: 4 mirror: true scale: 0.5 }",
            [],
            tops=2,
            gradients=False,
        ),
    }
    errors = {
        "batch_size": ErrorCase(
            'dense_image_data_param { source: "list.txt" }',
            [],
            message="""
            error: there is no batch size
              expected: dense_image_data_param { batch_size: 1 } or more
              got:      0
            """,
        ),
    }


def runner(fields="", more=""):
    return LayerRunner(layer_text("DenseImageData", FIELDS % fields + more, bottoms=0, tops=2))


def test_classes_are_cropped_and_mirrored_like_their_images():
    made = runner("shuffle: true", "transform_param { crop_size: 4 mirror: true scale: 2 mean_value: 1 }")
    seen = set()
    for _ in range(6):
        for image, classes in zip(*made.forward(), strict=True):
            views = [
                (n, r, c, flip)
                for n in range(3)
                for r in range(3)
                for c in range(5)
                for flip in (1, -1)
                if np.array_equal(image, (PLANES[n, :, r : r + 4, c : c + 4][..., ::flip] - 1) * 2)
            ]
            (view,) = views
            n, r, c, flip = view
            seen.add(view)
            np.testing.assert_array_equal(classes[0], CLASSES[n, r : r + 4, c : c + 4][:, ::flip])
    assert len(seen) > 6


def test_resized_classes_are_picked():
    data, classes = runner("new_height: 3 new_width: 16").forward()
    assert data.shape == (2, 3, 3, 16)
    np.testing.assert_array_equal(classes[:, 0], CLASSES[:2, ::2].repeat(2, 2))


def test_an_image_and_classes_of_another_size(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Image.fromarray(PIXELS[0]).save("a.png")
    Image.fromarray(CLASSES[0, 1:]).save("b.png")
    (tmp_path / "list.txt").write_text("a.png b.png\n")
    with pytest.raises(DataError, match="and its labels differ in size") as caught:
        runner()
    assert (caught.value.expected, caught.value.got) == ("6x8", "`b.png` of 5x8")


def test_a_line_without_classes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "list.txt").write_text("a.png\n")
    with pytest.raises(DataError, match="a line does not hold two names"):
        runner()
