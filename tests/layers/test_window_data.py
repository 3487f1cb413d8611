from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from pycaffelite.data.windows import place
from pycaffelite.errors import DataError
from pycaffelite.testing import Case, ErrorCase, LayerContract, LayerRunner, layer_text

PIXELS = np.random.default_rng(5).integers(0, 256, (2, 20, 24, 3)).astype(np.uint8)
PLANES = PIXELS.transpose(0, 3, 1, 2)[:, ::-1].astype(float)
FILE = """
# 0
0.png
3 20 24
3
7 0.9 3 2 8 7
2 0.4 10 10 15 15
1 0.2 0 0 9 9
# 1
1.png
3 20 24
1
0 0.1 12 5 17 10
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("windows")
    for n in range(2):
        Image.fromarray(PIXELS[n]).save(path / f"{n}.png")
    (path / "windows.txt").write_text(FILE, encoding="utf-8")
    return path


@pytest.fixture(autouse=True)
def _here(folder, monkeypatch):
    monkeypatch.chdir(folder)


def fields(more="bg_threshold: 0.15", transform="crop_size: 6", batch=4):
    return f'window_data_param {{ source: "windows.txt" batch_size: {batch} {more} }} transform_param {{ {transform} }}'


def oracle(bottoms, params):
    background, shown = PLANES[1, :, 5:11, 12:18], PLANES[0, :, 2:8, 3:9]
    return [np.stack([background] * 3 + [shown]), np.array([0.0, 0, 0, 7])]


class TestWindowData(LayerContract):
    type_name = "WindowData"
    cases = {
        "as_they_are": Case(fields(), [], tops=2, oracle=oracle, gradients=False),
        "kept": Case(fields("bg_threshold: 0.15 cache_images: true"), [], tops=2, oracle=oracle, gradients=False),
        "random": Case(
            fields('context_pad: 1 crop_mode: "square" fg_fraction: 0.5', "crop_size: 6 mirror: true mean_value: 9"),
            [],
            tops=2,
            gradients=False,
        ),
    }
    errors = {
        "crop_size": ErrorCase(
            fields(transform=""),
            [],
            message="""
            error: there is no crop_size
              expected: transform_param { crop_size: 1 } or more
              got:      0 or none
            """,
        ),
        "crop_mode": ErrorCase(
            fields('crop_mode: "fold"'),
            [],
            message="""
            error: unknown crop_mode
              expected: "warp" or "square"
              got:      "fold"
            """,
        ),
        "context": ErrorCase(
            fields("context_pad: 3"),
            [],
            message="""
            error: the surroundings fill the square
              expected: context_pad of less than half of crop_size, 6
              got:      3
            """,
        ),
        "none": ErrorCase(
            fields("fg_threshold: 0.95 bg_threshold: 0.3"),
            [],
            message="""
            error: no window shows an object
              expected: at least one, for 1 windows in each batch
              got:      2 images, 0 windows with objects, 2 with background

            hint: fg_threshold and bg_threshold say which is which, fg_fraction how many are taken
            """,
        ),
    }


def runner(*arguments, **more):
    return LayerRunner(layer_text("WindowData", fields(*arguments, **more), bottoms=0, tops=2))


def test_both_kinds_are_sampled():
    made = runner("fg_threshold: 0.35 bg_threshold: 0.35 fg_fraction: 0.5", batch=8)
    labels = np.array([made.forward()[1] for _ in range(5)])
    assert (labels[:, :4] == 0).all()
    assert set(labels[:, 4:].ravel()) == {2, 7}


def test_mirroring():
    data, _ = runner("bg_threshold: 0.15", "crop_size: 6 mirror: true scale: 2 mean_value: 1", batch=20).forward()
    plain = (PLANES[1, :, 5:11, 12:18] - 1) * 2
    flipped = [bool(np.array_equal(image, plain[..., ::-1])) for image in data[:15]]
    assert all(f or np.array_equal(image, plain) for f, image in zip(flipped, data, strict=False))
    assert 0 < sum(flipped) < 15


def test_a_window_in_the_corner_leaves_what_is_outside_empty(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Image.fromarray(np.full((20, 24, 3), 200, np.uint8)).save("0.png")
    (tmp_path / "windows.txt").write_text("# 0 0.png 3 20 24 1\n1 1 0 0 7 7\n")
    data, _ = runner("fg_fraction: 1 context_pad: 4", "crop_size: 16 mean_value: 50", batch=1).forward()
    # 8 pixels grow to 17, from -4 to 12, which shrink to 16: 4 are outside, 12 inside.
    assert (data[0, :, 4:, 4:] == 150).all()
    assert (data[0, :, :4] == 0).all()
    assert (data[0, :, :, :4] == 0).all()


@pytest.mark.parametrize(
    ("box", "options", "expected"),
    [
        ((3, 2, 8, 7), {"context": 0, "square": False}, ((3, 2, 8, 7), (6, 6), 0, 0)),
        # Half 3, middle (6, 5), growth 1.5: from 1.5 to 10.5 and from 0.5 to 9.5, of which the halves go up.
        ((3, 2, 8, 7), {"context": 1, "square": False}, ((2, 1, 11, 10), (6, 6), 0, 0)),
        # Half 2 and 4 become 4: rows from -1 to 7, of 9 pixels, the first one outside.
        ((3, 1, 10, 4), {"context": 0, "square": True}, ((3, 0, 11, 7), (5, 6), 1, 0)),
        ((20, 8, 23, 11), {"context": 0, "square": True}, ((20, 8, 23, 12), (6, 5), 0, 0)),
        ((20, 8, 23, 11), {"context": 0, "square": True, "mirror": True}, ((20, 8, 23, 12), (6, 5), 0, 1)),
    ],
)
def test_placing(box, options, expected):
    placing = place(box, 20, 24, 6, **{"mirror": False, **options})
    assert (placing.box, placing.size, placing.top, placing.left) == expected


@pytest.mark.parametrize(
    ("text", "got"),
    [
        ("0 0.png 3 20 24 0", "`0` where `#` should begin an image, in `windows.txt`, at image 0"),
        ("# 0 0.png 3 20 24 1\n1 1 0", "the end of the file, in `windows.txt`, at image 0"),
        ("# 0 0.png 3 20 x 1", "invalid literal for int() with base 10: 'x', in `windows.txt`, at image 0"),
        ("# 0 0.png 3 20 24 1 0 0.9 1 1 2 2", "class 0 of a window that shows an object, in `windows.txt`, at image 0"),
        ("# 1 0.png 3 20 24 0", "images that are not numbered from 0 on, in `windows.txt`, at image 0"),
    ],
)
def test_damage(tmp_path, monkeypatch, text, got):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "windows.txt").write_text(text)
    with pytest.raises(DataError, match="this is no window file") as caught:
        runner()
    assert caught.value.got.startswith(got)


def test_a_window_outside_of_its_image(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Image.fromarray(PIXELS[0]).save("0.png")
    (tmp_path / "windows.txt").write_text("# 0 0.png 3 20 24 1\n1 1 10 10 24 12\n")
    with pytest.raises(DataError, match="a window does not lie in its image") as caught:
        runner("fg_fraction: 1").forward()
    assert caught.value.got == "10 10 24 12"
