from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from pycaffelite.errors import DataError, ShapeError
from pycaffelite.graph.wiring import build_graph
from pycaffelite.layers.base import DataOptions
from pycaffelite.net import build
from pycaffelite.plan import compile_plan
from pycaffelite.schema.reader import parse_net
from pycaffelite.testing import Case, ErrorCase, LayerContract, LayerRunner, layer_text

PIXELS = np.random.default_rng(5).integers(0, 256, (5, 6, 8, 3)).astype(np.uint8)
PLANES = PIXELS.transpose(0, 3, 1, 2)[:, ::-1].astype(float)  # blue, green, red


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("images")
    (path / "set").mkdir()
    for n, pixels in enumerate(PIXELS):
        Image.fromarray(pixels).save(path / "set" / f"{n} x.png")
    (path / "list.txt").write_text("".join(f"{n} x.png {10 * n}\n" for n in range(5)), encoding="utf-8")
    return path


@pytest.fixture(autouse=True)
def _here(folder, monkeypatch):
    monkeypatch.chdir(folder)


FIELDS = 'image_data_param { source: "list.txt" root_folder: "set/" batch_size: 3 %s }'
CROP = "transform_param { crop_size: 5 mirror: true scale: 0.5 mean_value: 3 }"


class TestImageData(LayerContract):
    type_name = "ImageData"
    cases = {
        "plain": Case(
            FIELDS % "", [], tops=2, oracle=lambda b, p: [PLANES[:3], np.array([0.0, 10, 20])], gradients=False
        ),
        "one_top": Case(FIELDS % "", [], oracle=lambda b, p: PLANES[:3], gradients=False),
        "middle": Case(
            FIELDS % "" + " transform_param { crop_size: 4 scale: 0.5 mean_value: 1 mean_value: 2 mean_value: 3 }",
            [],
            phase="TEST",
            oracle=lambda b, p: (PLANES[:3, :, 1:5, 2:6] - np.array([1, 2, 3])[:, None, None]) / 2,
            gradients=False,
        ),
        "random": Case(FIELDS % "shuffle: true rand_skip: 4" + CROP, [], tops=2, gradients=False),
        "resized": Case(FIELDS % "new_height: 3 new_width: 11 is_color: false", [], tops=2, gradients=False),
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
        "half_a_size": ErrorCase(
            FIELDS % "new_height: 3",
            [],
            message="""
            error: new_height and new_width go together
              expected: both, or none
              got:      new_height 3 and new_width 0
            """,
        ),
        "two_crops": ErrorCase(
            FIELDS % "" + "transform_param { crop_size: 3 crop_h: 2 crop_w: 4 }",
            [],
            message="""
            error: the size of the crop is not clear
              expected: crop_size, or crop_h and crop_w, or crop_height and crop_width
              got:      3x3 and 2x4
            """,
        ),
    }


def runner(fields="", more="", phase="TRAIN", seed=1):
    return LayerRunner(layer_text("ImageData", FIELDS % fields + more, bottoms=0, tops=2), [], phase, seed=seed)


def test_shuffling_shows_each_image_once_an_epoch():
    made = runner("shuffle: true")
    labels = np.concatenate([made.forward()[1] for _ in range(5)]).reshape(3, 5)
    assert (np.sort(labels) == np.arange(5) * 10).all()
    data, label = made.forward()
    np.testing.assert_array_equal(data, PLANES[(label / 10).astype(int)])
    assert made.layer.records() == 5


def test_crops_and_mirrors_are_of_the_image():
    data, labels = runner("shuffle: true", CROP).forward()
    for image, label in zip(2 * data + 3, labels, strict=True):
        whole = PLANES[int(label) // 10]
        views = [whole[:, r : r + 5, c : c + 5] for r in range(2) for c in range(4)]
        assert any(np.array_equal(image, v) or np.array_equal(image, v[:, :, ::-1]) for v in views)


def test_seeds_make_a_difference():
    first, again, other = (runner("shuffle: true", CROP, seed=seed).forward()[0] for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_a_crop_that_is_not_square():
    made = runner(more="transform_param { crop_h: 4 crop_w: 7 }", phase="TEST")
    np.testing.assert_array_equal(made.forward()[0], PLANES[:3, :, 1:5, 0:7])


def test_a_crop_that_does_not_fit():
    with pytest.raises(ShapeError, match="the image is smaller than its crop"):
        runner(more="transform_param { crop_size: 7 }")


def test_a_missing_list():
    with pytest.raises(DataError, match="the list of images does not exist"):
        LayerRunner(layer_text("ImageData", 'image_data_param { source: "no.txt" }', bottoms=0, tops=2))


def test_the_prototxts_folder(tmp_path, folder, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = layer_text("ImageData", FIELDS % "", bottoms=0, tops=2)
    made = LayerRunner(text, data=DataOptions(folder=folder))
    np.testing.assert_array_equal(made.forward()[0], PLANES[:3])


def test_a_net_follows_images_of_other_sizes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    sizes = [(4, 4), (6, 3), (4, 4)]
    for n, (height, width) in enumerate(sizes):
        Image.fromarray(np.full((height, width), n + 1, np.uint8)).save(f"{n}.png")
    (tmp_path / "list.txt").write_text("0.png 0\n1.png 1\n2.png 2\n")
    text = """
    layer { name: "d" type: "ImageData" top: "x" image_data_param { source: "list.txt" batch_size: 1 is_color: false } }
    layer { name: "p" type: "Pooling" bottom: "x" top: "p" pooling_param { global_pooling: true pool: AVE } }
    """
    net = build(build_graph(parse_net(text)))
    plan = compile_plan(net)
    for n in (0, 1, 2, 0):
        plan.forward()
        assert net.blobs["x"].shape == (1, 1, *sizes[n])
        assert net.blobs["p"].data.item() == n + 1
