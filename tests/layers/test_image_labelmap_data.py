from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from pycaffelite.testing import Case, ErrorCase, LayerContract, LayerRunner, layer_text

RANDOM = np.random.default_rng(6)
PIXELS = RANDOM.integers(0, 256, (2, 6, 8, 3)).astype(np.uint8)
EDGES = np.array([0, 100, 127, 128, 255], np.uint8)[RANDOM.integers(0, 5, (2, 6, 8))]
PLANES = PIXELS.transpose(0, 3, 1, 2)[:, ::-1].astype(float)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("edges")
    for n in range(2):
        Image.fromarray(PIXELS[n]).save(path / f"{n}.png")
        Image.fromarray(EDGES[n]).save(path / f"{n}_edges.png")
    (path / "list.txt").write_text("".join(f"{n}.png {n}_edges.png\n" for n in range(2)), encoding="utf-8")
    return path


@pytest.fixture(autouse=True)
def _here(folder, monkeypatch):
    monkeypatch.chdir(folder)


FIELDS = 'image_data_param { source: "list.txt" batch_size: 1 %s }'
CROP = "transform_param { crop_size: 4 mirror: true mean_value: 104 mean_value: 117 mean_value: 123 }"


class TestImageLabelmapData(LayerContract):
    type_name = "ImageLabelmapData"
    cases = {
        "plain": Case(
            FIELDS % "",
            [],
            tops=2,
            oracle=lambda b, p: [PLANES[:1], (EDGES[:1, None] > 127.5).astype(float)],
            gradients=False,
        ),
        "random": Case(FIELDS % "shuffle: true" + CROP, [], tops=2, gradients=False),
    }
    errors = {
        "batch_size": ErrorCase(
            'image_data_param { source: "list.txt" batch_size: 0 }',
            [],
            message="""
            error: there is no batch size
              expected: image_data_param { batch_size: 1 } or more
              got:      0
            """,
        ),
    }


def test_maps_are_cropped_and_mirrored_like_their_images():
    made = LayerRunner(layer_text("ImageLabelmapData", FIELDS % "shuffle: true" + CROP, bottoms=0, tops=2))
    for _ in range(6):
        (image,), (edges,) = made.forward()
        image = image + np.array([104, 117, 123])[:, None, None]
        places = [(n, r, c, f) for n in range(2) for r in range(3) for c in range(5) for f in (1, -1)]
        (found,) = [p for p in places if np.array_equal(image, cut(PLANES[p[0]], p))]
        np.testing.assert_array_equal(edges[0], cut(EDGES[found[0]], found) >= 128)


def cut(planes, place):
    _, row, column, flip = place
    return planes[..., row : row + 4, column : column + 4][..., ::flip]


def test_resized_maps_are_rounded_afterwards():
    fields = FIELDS % "new_height: 12 new_width: 5"
    _, edges = LayerRunner(layer_text("ImageLabelmapData", fields, bottoms=0, tops=2)).forward()
    assert edges.shape == (1, 1, 12, 5)
    assert set(np.unique(edges)) == {0, 1}
